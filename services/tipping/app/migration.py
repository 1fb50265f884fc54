"""Jars and tips that earlier versions stored, as they are stored today."""

from __future__ import annotations

from libs.eventstore import Fact, Notification
from libs.migration import Put
from services.tipping.app.tip_sealer import sealed


def today(notification: Notification, put: Put) -> Fact:
    """A fact with its words sealed."""
    return sealed(notification.aggregate_id, notification.fact, put)
