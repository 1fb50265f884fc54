"""Who listens is told to nobody else, for they may be hiding: which events would tell it."""

from __future__ import annotations

from contracts.envelope import Event
from contracts.media.v1 import Connected, Disconnected
from contracts.room.v1 import Readmitted, Removed


def names_a_listener(event: Event) -> bool:
    """Whether an event tells of somebody who only listens, whom nobody else is to know there."""
    match event:
        case Connected(direction=direction) | Disconnected(direction=direction):
            return direction == "subscribe"
        case Removed(listened=listened) | Readmitted(listened=listened):
            return listened
        case _:
            return False
