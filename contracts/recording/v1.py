"""Recording: tracks, mixes and replays."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from contracts import personal_data
from contracts.commands import Command, Nothing, Query, register
from contracts.envelope import Audience, Event, Model, PersonId, PersonRef, SpaceId, event
from contracts.growing import GROWS, Growing
from contracts.people.v1 import ReportId
from contracts.replay_forms import FormName
from contracts.times import Moment
from contracts.written import GivenLink, Link, Written


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


class ReplayForm(Model):
    """A file that is downloaded."""

    space_id: SpaceId
    form: str = ""
    """Its name in `contracts.replay_forms`."""
    object: str
    """Name in the object store."""
    bytes: int = Field(ge=0)
    """Once it is opened."""
    sha384: str | None = None
    """Of those bytes, in base64; None of a track."""


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
    downloads: bool = False
    """Whether everybody who may play it may download it. The host always may."""
    deleted: bool = False
    """Whether there was a replay that nobody is shown any more."""
    chapters: bool = False
    """Whether its host set chapters."""
    made: tuple[ReplayForm, ...] = ()
    """The forms of its mix that were asked for before."""


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


@event("recording", "chapters_changed", Audience.PUBLIC)
class ChaptersChanged(RecordingEvent):
    """The host set the chapters of the replay; `ChaptersQuery` tells them."""

    chapters: int = Field(ge=0)
    """How many there are."""


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
class AllowDownloads(Command[Nothing]):
    """The host lets everybody who may play the replay download it, or the host alone; again is accepted.

    Refuses: replay_unknown, not_host.
    """

    service = "recording"
    name = "allow_downloads"
    result = Nothing
    space_id: SpaceId
    allowed: bool


class GivenChapter(Model):
    """A chapter as a host sets it."""

    seconds: float = Field(ge=0, le=14 * 24 * 3600)
    """Where it begins in the replay."""
    title: Annotated[str, Written(0, 100)] = ""
    """Empty: it is called after the person."""
    person_id: PersonId | None = None
    """Who leads the talk: somebody who has a track."""
    url: GivenLink | None = None

    @model_validator(mode="after")
    def _called(self) -> Self:
        if not self.title and self.person_id is None:
            raise ValueError("a chapter has a title or a person")
        return self


class Chapter(Model):
    """A chapter of a replay."""

    seconds: float = Field(ge=0)
    """Where it begins in the replay."""
    title: str = ""
    """In the host's words; empty: it is called after the person."""
    person: PersonRef | None = None
    url: Link | None = None


class Chapters(Model):
    """The chapters of a replay, in order."""

    space_id: SpaceId
    seconds: float = Field(default=0, ge=0)
    """How long the replay is."""
    chapters: tuple[Chapter, ...] = ()


@register
class SetChapters(Command[Nothing]):
    """The host sets the chapters of the replay, in place of those before; none removes them.

    Refuses: replay_unknown, replay_deleted, not_host, not_ready, invalid (out of order, beyond the end, or of somebody
    who has no track).
    """

    service = "recording"
    name = "set_chapters"
    result = Nothing
    space_id: SpaceId
    chapters: Annotated[tuple[GivenChapter, ...], Field(max_length=100)]


@register
class ChaptersQuery(Query[Chapters]):
    """The chapters of a replay, as its host set them; or, `proposed`, those that the host could set.

    The gateway has asked room who may look. Refuses: replay_unknown, replay_deleted, not_ready, not_host (asks for
    proposals).
    """

    service = "recording"
    name = "chapters"
    result = Chapters
    space_id: SpaceId
    proposed: bool = False


@register
class ReplayFormQuery(Query[ReplayForm]):
    """The mix of a replay in a form, or a track in the form of tracks. A form is made when it is first asked for.

    The gateway has asked room who may look. Refuses: replay_unknown, replay_deleted, not_allowed (the host does not let
    others download), not_ready (it is being made; ask again), too_many_requests (too many wait to be made).
    """

    service = "recording"
    name = "replay_form"
    result = ReplayForm
    space_id: SpaceId
    form: FormName
    person_id: PersonId | None = None
    """Whose track; None: the mix."""


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


class Replays(Model):
    """What is kept of some Spaces."""

    replays: tuple[Replay, ...] = ()
    """In the order in which they were asked for."""


@register
class ReplaysQuery(Query[Replays]):
    """What is kept of some Spaces, as `ReplayQuery` tells of one. The gateway has asked room who may look."""

    service = "recording"
    name = "replays"
    result = Replays
    space_ids: Annotated[tuple[SpaceId, ...], Field(max_length=100)]


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
