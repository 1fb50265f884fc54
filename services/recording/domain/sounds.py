"""The sound of what was reported: kept for a report, under its key, whatever becomes of the recording."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from libs.eventstore import Fact, stored

MOST: Final = 200
"""Sounds that are kept of one Space for reports that have their copies: so much disk may whoever reports it take."""
State = Literal["awaited", "kept", "none", "given_up"]


@stored("recording.sound_wanted")
class SoundWanted(Fact):
    """Sound of this stretch of the Space is to be kept for a piece of a report."""

    report: str
    piece: int
    since: datetime
    until: datetime


@stored("recording.sound_kept")
class SoundKept(Fact):
    """It is kept."""

    report: str
    piece: int
    object: str
    began_at: datetime
    seconds: float
    people: tuple[str, ...]
    """Who is heard."""


@stored("recording.sound_missing")
class SoundMissing(Fact):
    """There is none, or it could not be copied for too long."""

    report: str
    piece: int
    why: Literal["none", "given_up"]


@stored("recording.sounds_removed")
class SoundsRemoved(Fact):
    """Nothing is kept for this report any more: its key is destroyed."""

    report: str


class Sound(Struct, frozen=True, kw_only=True):
    """The sound of one piece of a report."""

    report: str
    piece: int
    since: datetime
    until: datetime
    state: State = "awaited"
    object: str | None = None
    began_at: datetime | None = None
    seconds: float = 0.0
    people: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What tells it from the others of its Space."""
        return key_of(self.report, self.piece)

    def settled(self, fact: SoundKept | SoundMissing) -> Sound:
        """The same once it is kept, or known that there is none."""
        if isinstance(fact, SoundMissing):
            return replace(self, state=fact.why)
        return replace(
            self, state="kept", object=fact.object, began_at=fact.began_at, seconds=fact.seconds, people=fact.people
        )


def key_of(report: str, piece: int) -> str:
    """What tells the sound of a piece from others of a Space."""
    return f"{report}/{piece}"
