"""Recordings that earlier versions stored, as they are stored today."""

from __future__ import annotations

from contracts import object_names
from libs.eventstore import Fact, Notification
from libs.migration import Put
from services.recording.app.audio_keys import lock_of_title
from services.recording.domain.facts import Began


def today(notification: Notification, put: Put) -> Fact:
    """A fact with its words sealed."""
    match notification.fact:
        case Began(started_at=started_at, title=title):
            lock = lock_of_title(notification.aggregate_id)
            return Began(started_at=started_at, title=put(lock, object_names.TITLE, title))
        case fact:
            return fact
