"""How many, how much and how long: 13 people on stage, ten speakers, two minutes to come back, and so on.

An operator sets others in `services/room/settings.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers that hold without settings."""

    stage: int = 13
    """People on stage at once, the host included."""
    speakers: int = 10
    cohosts: int = 2
    conversation: int = 4
    """People in a conversation."""
    schedule_ahead: timedelta = timedelta(days=30)
    scheduled: int = 10
    """Scheduled Spaces of one host at once."""
    grace: timedelta = timedelta(seconds=120)
    """How long somebody whose connection dropped keeps their place."""
    invitation: timedelta = timedelta(minutes=5)
    """How long an invitation to speak can be accepted."""
    invitations: int = 500
    """Invitations to speak of one Space that are not answered."""
    queue: int = 200
    """People who wait to speak in one Space."""
    message: int = 280
    """Characters that somebody may write to a request to speak."""
    unstarted: timedelta = timedelta(hours=2)
    """How long after its time a scheduled Space may still be started."""
    pins: int = 20
    topics: frozenset[str] | None = None
    """What a Space may be about; None: anything."""
