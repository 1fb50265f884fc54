"""From tipping's stored facts to its contract events."""

from __future__ import annotations

from contracts.envelope import Event, PersonRef
from contracts.tipping import v1
from libs.eventstore import Notification
from services.tipping import domain
from services.tipping.app import owner_of


def translate(notification: Notification) -> list[Event]:
    """The contract events of one stored fact."""
    id, version, at = owner_of(notification.aggregate_id), notification.version, notification.record.at
    match notification.fact:
        case domain.Filled(enabled=enabled, names=names):
            providers = tuple(v1.Provider(name) for name in names)
            return [v1.JarChanged(person_id=id, version=version, at=at, enabled=enabled, providers=providers)]
        case domain.Offered() as fact:
            return [
                v1.TipOffered(
                    person_id=fact.recipient,
                    version=version,
                    at=at,
                    tip_id=id,
                    space_id=fact.space,
                    payer=PersonRef(id=fact.payer, handle=fact.payer_handle, name=fact.payer_name),
                    provider=v1.Provider(fact.provider),
                    amount_minor=fact.amount_minor,
                    currency=fact.currency,
                    note=fact.note,
                )
            ]
        case domain.Opened(space=space, payer=payer, recipient=recipient):
            return [v1.TipOpened(person_id=recipient, version=version, at=at, tip_id=id, space_id=space, payer=payer)]
        case domain.Confirmed(space=space, payer=payer, recipient=recipient):
            return [
                v1.TipConfirmed(person_id=recipient, version=version, at=at, tip_id=id, space_id=space, payer=payer)
            ]
        case _:
            return []
