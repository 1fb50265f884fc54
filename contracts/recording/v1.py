"""Recording: tracks, mixes and replays."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts import personal_data
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


class SoundState(Growing):
    """What became of the sound of one piece of a report."""

    AWAITED = "awaited"
    """It is being copied, or could not be yet."""
    KEPT = "kept"
    NONE = "none"
    """Nobody was captured then, or it was destroyed before it could be copied."""
    GIVEN_UP = "given_up"
    """It could not be copied for a day."""


class ReportedSound(Model):
    """The sound of one piece of a report, under the report's key."""

    space_id: SpaceId
    piece: int = Field(ge=0)
    """Its number in the report."""
    state: SoundState
    object: str | None = None
    """Name in the object store: AAC in MP4."""
    began_at: Moment | None = None
    """Wall clock of its first moment."""
    seconds: float = Field(default=0, ge=0)
    people: tuple[PersonRef, ...] = ()
    """Who is heard."""


class ReportedSounds(Model):
    """All sound that is kept for a report."""

    report_id: ReportId
    sounds: tuple[ReportedSound, ...] = ()


@register
class ReportedSoundsQuery(Query[ReportedSounds]):
    """The sound that is kept for a report, for operators; the gateway has put on the log that they look.

    Refuses: unauthenticated, not_allowed.
    """

    service = "recording"
    name = "reported_sounds"
    result = ReportedSounds
    report_id: ReportId


@register
class HeldQuery(personal_data.HeldQuery):
    """What recording holds of a person: whether they consented, and their tracks of replays that there
    are. See `contracts.personal_data`."""

    service = "recording"


class LiveMix(Model):
    """The mix of a Space that runs, as far as it is made; see `contracts.live_audio`."""

    space_id: SpaceId
    began_at: Moment
    """Wall clock of part 0."""
    first: int = Field(ge=0)
    """The first part that there is."""
    next: int = Field(ge=0)
    """The part that is made next; there are all from `first` to before it."""
    header: str
    """What players read before any part (MP4's `ftyp` and `moov`), in base64."""
    over: bool = False
    """Whether no further part comes."""
    kept: bool = True
    """Whether all parts are kept while the Space runs. Otherwise it is not recorded: it is mixed while somebody asks
    for it, and only the last half minute can be had."""


@register
class LiveMixQuery(Query[LiveMix]):
    """How far the mix of a live Space is. The gateway has asked room who may listen.

    Where the Space is not recorded, this begins its mix, which ends when nobody has asked for 40 s.
    Refuses: not_live (it has not begun, is over, or its replay is there), unavailable.
    """

    service = "recording"
    name = "live_mix"
    result = LiveMix
    space_id: SpaceId


class LiveParts(Model):
    """Some parts of a mix."""

    parts: tuple[str, ...] = ()
    """In order, in base64; fewer than were asked for where there are no more."""


@register
class LivePartsQuery(Query[LiveParts]):
    """Parts of the mix of a Space that runs, as they were made.

    Refuses: not_live, not_found (there are no such parts, or not any more).
    """

    service = "recording"
    name = "live_parts"
    result = LiveParts
    space_id: SpaceId
    first: int = Field(ge=0)
    count: int = Field(ge=1, le=6)
