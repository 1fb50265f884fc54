"""From people's stored facts to their contract events."""

from __future__ import annotations

from contracts.envelope import Event
from contracts.people import v1
from libs.eventstore import Notification
from services.people import domain


def translate(notification: Notification) -> list[Event]:
    """The contract events of one stored fact."""
    person, version, at = notification.aggregate_id, notification.version, notification.record.at
    match notification.fact:
        case domain.Registered(handle=handle, name=name):
            return [v1.Registered(person_id=person, version=version, at=at, handle=handle, display_name=name)]
        case domain.Followed(followee=followee):
            return [v1.Followed(person_id=person, version=version, at=at, followee_id=followee)]
        case domain.Unfollowed(followee=followee):
            return [v1.Unfollowed(person_id=person, version=version, at=at, followee_id=followee)]
        case domain.Blocked(person=other):
            return [v1.Blocked(person_id=person, version=version, at=at, blocked_id=other)]
        case domain.Unblocked(person=other):
            return [v1.Unblocked(person_id=person, version=version, at=at, blocked_id=other)]
        case _:
            return []
