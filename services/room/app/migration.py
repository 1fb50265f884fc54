"""Spaces that earlier versions stored, as they are stored today."""

from __future__ import annotations

from libs.eventstore import Fact, Notification
from libs.keyring.worded import in_place
from libs.migration import Put
from services.room.domain.written import WORDS


def today(notification: Notification, put: Put) -> Fact:
    """A fact with its words sealed."""
    id, record = notification.aggregate_id, notification.record
    return in_place(WORDS, id, record.fact, notification.version, record.actor, put)
