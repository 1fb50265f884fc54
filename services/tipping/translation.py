"""From tipping's stored facts to its contract events."""

from __future__ import annotations

from collections.abc import Callable

from contracts.envelope import Outgoing, PersonRef, with_boxes
from contracts.tipping import v1
from libs.eventstore import Notification
from libs.keyring import Sealed
from libs.keyring.opening import box_of
from services.tipping.app import owner_of
from services.tipping.app.tip_sealer import of_tip
from services.tipping.domain.jar import Filled, OwnerErased
from services.tipping.domain.tip import Confirmed, LinkFollowed, Offered


def translate(notification: Notification, is_gone: Callable[[str], bool]) -> list[Outgoing]:
    """The contract events of one stored fact; `is_gone` tells who is erased."""
    id, version, at = owner_of(notification.aggregate_id), notification.version, notification.record.at
    match notification.fact:
        case Filled(enabled=enabled, names=names):
            return [v1.JarChanged(person_id=id, version=version, at=at, enabled=enabled, providers=tuple(names))]
        case OwnerErased():
            return [v1.JarChanged(person_id=id, version=version, at=at, enabled=False, providers=())]
        case Offered() as fact:
            offered = v1.TipOffered(
                person_id=fact.recipient,
                version=version,
                at=at,
                tip_id=id,
                space_id=fact.space,
                payer=PersonRef.of(fact.payer),
                provider=fact.provider,
                amount_minor=fact.amount_minor,
                currency=fact.currency,
                note=fact.note if isinstance(fact.note, str) and not is_gone(fact.payer) else "",
            )
            boxes = {"note": box_of(fact.note, of_tip(fact))} if isinstance(fact.note, Sealed) else {}
            return [with_boxes(offered, boxes)]
        case LinkFollowed(space=space, payer=payer, recipient=recipient):
            return [v1.TipOpened(person_id=recipient, version=version, at=at, tip_id=id, space_id=space, payer=payer)]
        case Confirmed(space=space, payer=payer, recipient=recipient):
            return [
                v1.TipConfirmed(person_id=recipient, version=version, at=at, tip_id=id, space_id=space, payer=payer)
            ]
        case _:
            return []
