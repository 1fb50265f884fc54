"""Facts of earlier versions: there are none that are stored otherwise today."""

from __future__ import annotations

from libs.eventstore import Fact, Notification
from libs.migration import Put


def today(notification: Notification, put: Put) -> Fact:
    """A fact as it is."""
    return notification.fact
