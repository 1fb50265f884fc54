"""Whom a fact of a Space concerns."""

from __future__ import annotations

from libs.eventstore import Notification
from services.room.domain.facts import (
    Created,
    HostChanged,
    Invited,
    Pinned,
    Removed,
    SpeakRequested,
    StageJoined,
    Started,
)


def people_of(notification: Notification) -> tuple[str, ...]:
    """Who comes into a Space's facts by this one: whatever else happens there to somebody follows such a fact."""
    match notification.fact:
        case Created(host=person) | Started(host=person) | HostChanged(host=person):
            return (person.id,)
        case (
            SpeakRequested(person=person) | StageJoined(person=person) | Invited(person=person) | Pinned(person=person)
        ):
            return (person.id,)
        case Removed(person_id=person_id):
            return (person_id,)
        case _:
            return ()
