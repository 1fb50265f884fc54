"""Recording: tracks, mixes and replays."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.commands import Command, Nothing, Query, register
from contracts.envelope import Audience, Event, Model, PersonId, PersonRef, SpaceId, event
from contracts.growing import GROWS, Growing
from contracts.people.v1 import ReportId
from contracts.times import Moment


class ReplayState(Growing):
    """How far a replay is."""

    NONE = "none"
    """The Space was not recorded, or its replay was deleted."""
    RECORDING = "recording"
    PROCESSING = "processing"
    """It is being made, or made again without somebody who was erased."""
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
    began_at: Moment | None = None
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
    """The replay can be played and downloaded; told again when its mix was made again, without somebody who was
    erased."""

    seconds: float = Field(ge=0)
    bytes: int = Field(ge=0)
    mix: str
    tracks: tuple[Track, ...]
    began_at: Moment


@event("recording", "failed", Audience.HOSTS, Audience.OPERATORS)
class Failed(RecordingEvent):
    """There will be no replay."""

    reason: Annotated[Literal["nothing_captured", "storage", "unreadable"], GROWS]
    detail: str


@event("recording", "replay_deleted", Audience.PUBLIC)
class ReplayDeleted(RecordingEvent):
    """Nobody is shown the replay, its tracks and its transcript any more."""

    reason: Annotated[Literal["host", "expired", "platform"], GROWS]


@event("recording", "safety_copy_heard", Audience.OPERATORS)
class SafetyCopyHeard(RecordingEvent):
    """An operator listens to what is kept because of a report."""

    actor_id: PersonId | None
    report_id: ReportId


@event("recording", "safety_copy_destroyed", Audience.OPERATORS)
class SafetyCopyDestroyed(RecordingEvent):
    """Nothing is left of what was said."""


@register
class DeleteReplay(Command[Nothing]):
    """The host, or an operator, deletes the replay; again is accepted. For a time a safety copy is kept for reports.
    The transcript goes with it, also where there is no replay because it failed.

    Refuses: replay_unknown, not_host, not_ready.
    """

    service = "recording"
    name = "delete_replay"
    result = Nothing
    space_id: SpaceId


@register
class HearSafetyCopy(Command[Replay]):
    """An operator asks for what is kept of a Space, deleted or not, because of an open report; it is put on the log.

    Refuses: not_allowed, replay_unknown, report_unknown.
    """

    service = "recording"
    name = "hear_safety_copy"
    result = Replay
    space_id: SpaceId
    report_id: ReportId


@register
class ReplayQuery(Query[Replay]):
    """What is kept of a Space; state `none` where nothing is. The gateway has asked room who may look."""

    service = "recording"
    name = "replay"
    result = Replay
    space_id: SpaceId
