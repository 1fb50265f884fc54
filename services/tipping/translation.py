"""From tipping's stored facts to its contract events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.envelope import Event
from contracts.tipping import v1
from libs.eventstore import Notification
from libs.names import Who
from services.tipping.app import owner_of
from services.tipping.domain.jar import Filled
from services.tipping.domain.tip import Confirmed, Offered, Opened


def named_in(notifications: Sequence[Notification]) -> Iterator[str]:
    """Ids of the people whose names are needed to translate these."""
    return (fact.payer for fact in (one.fact for one in notifications) if isinstance(fact, Offered))


def translate(notification: Notification, who: Who) -> list[Event]:
    """The contract events of one stored fact; `who` tells what people are called now."""
    id, version, at = owner_of(notification.aggregate_id), notification.version, notification.record.at
    match notification.fact:
        case Filled(enabled=enabled, names=names):
            return [v1.JarChanged(person_id=id, version=version, at=at, enabled=enabled, providers=tuple(names))]
        case Offered() as fact:
            return [
                v1.TipOffered(
                    person_id=fact.recipient,
                    version=version,
                    at=at,
                    tip_id=id,
                    space_id=fact.space,
                    payer=who(fact.payer).ref,
                    provider=fact.provider,
                    amount_minor=fact.amount_minor,
                    currency=fact.currency,
                    note=fact.note,
                )
            ]
        case Opened(space=space, payer=payer, recipient=recipient):
            return [v1.TipOpened(person_id=recipient, version=version, at=at, tip_id=id, space_id=space, payer=payer)]
        case Confirmed(space=space, payer=payer, recipient=recipient):
            return [
                v1.TipConfirmed(person_id=recipient, version=version, at=at, tip_id=id, space_id=space, payer=payer)
            ]
        case _:
            return []
