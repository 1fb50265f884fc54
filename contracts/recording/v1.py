"""Recording: tracks, mixes and replays."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from contracts.commands import Query, register
from contracts.envelope import Audience, Event, Model, PersonRef, SpaceId, event


class ReplayState(StrEnum):
    """How far a replay is."""

    NONE = "none"
    RECORDING = "recording"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


class Track(Model):
    """One speaker's own audio, Opus as it was received."""

    person: PersonRef
    object: str
    """Name in the object store."""
    offset_seconds: float = Field(ge=0)
    """Where it starts in the replay."""
    seconds: float = Field(ge=0)
    bytes: int = Field(ge=0)


class Replay(Model):
    """What is kept of a Space."""

    space_id: SpaceId
    state: ReplayState
    began_at: AwareDatetime | None = None
    """Wall clock of the replay's first moment."""
    seconds: float = Field(default=0, ge=0)
    bytes: int = Field(default=0, ge=0)
    mix: str | None = None
    tracks: tuple[Track, ...] = ()


class RecordingEvent(Event):
    """Belongs to a Space."""

    space_id: SpaceId
    version: int = Field(ge=1)


@event("recording", "began", Audience.PUBLIC)
class Began(RecordingEvent):
    """From now on people on stage who consented are recorded."""


@event("recording", "replay_ready", Audience.PUBLIC)
class ReplayReady(RecordingEvent):
    """The replay can be played and downloaded."""

    seconds: float = Field(ge=0)
    bytes: int = Field(ge=0)
    mix: str
    tracks: tuple[Track, ...]
    began_at: AwareDatetime


@event("recording", "failed", Audience.HOSTS, Audience.OPERATORS)
class Failed(RecordingEvent):
    """There will be no replay."""

    reason: Literal["nothing_captured", "storage", "unreadable"]
    detail: str


@register
class ReplayQuery(Query[Replay]):
    """What is kept of a Space; state `none` where it was not recorded. The gateway has asked room who may look."""

    service = "recording"
    name = "replay"
    result = Replay
    space_id: SpaceId
