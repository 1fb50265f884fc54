"""What live events carry. Written from the contracts by `make contracts`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from rostrum_client.model import EventData, Model

AppealState = Literal["open", "granted", "rejected", "lapsed"] | str
"""Where an appeal stands."""


InvitedTo = Literal["speak", "join"] | str
"""What somebody is invited to."""


Kind = Literal["space", "conversation"] | str
"""What it is for."""


ReminderKind = Literal["soon", "start"] | str
"""What somebody is reminded of."""


Role = Literal["host", "cohost", "speaker", "listener"] | str
"""What somebody is in a Space."""


State = Literal["scheduled", "live", "ended", "canceled", "timed_out", "deleted"] | str
"""Lifecycle of a Space."""


WhoCanJoin = Literal["everyone", "followers", "invited"] | str
"""Who may listen."""


WhoCanSpeak = Literal["everyone", "followed", "invited"] | str
"""Who may come on stage without being let in."""


class Caption(Model):
    """One final caption: what one person said without a pause of note."""

    id: str
    person: PersonRef
    lang: str
    text: str
    start_at: datetime
    end_at: datetime
    words: tuple[Word, ...] = ()
    corrected_by: str | None = None
    heard: str | None = None
    correction_rejected: bool = False


class CaptionsPartial(EventData):
    """Text so far of a caption that is still being spoken; replaced by the next with the same `caption_id`."""

    at: datetime
    space_id: str
    caption_id: str
    person: PersonRef
    lang: str
    text: str
    start_at: datetime


class DiscoveryBarChanged(EventData):
    """The live bar of a person gained, changed or lost this Space (`card` None); sent while they are connected."""

    at: datetime
    person_id: str
    space_id: str
    card: SpaceCard | None


class DiscoveryBarsChanged(EventData):
    """The same for many people at once, who all see the same card. Each is shown `to(person_id)`, never the others."""

    at: datetime
    person_ids: tuple[str, ...]
    space_id: str
    card: SpaceCard | None


class Invitation(Model):
    """Somebody who was invited on stage and has not answered yet."""

    person: PersonRef
    invited_by: str | None = None
    expires_at: datetime


class MediaConnected(EventData):
    """ICE and DTLS are done: audio can flow. Hosts are told of those who speak only."""

    at: datetime
    space_id: str
    node_id: str
    session_id: str
    person_id: str | None = None
    direction: Literal["publish", "subscribe"] | str
    setup_ms: float


class MediaDisconnected(EventData):
    """The connection is gone. Hosts are told of those who spoke only."""

    at: datetime
    space_id: str
    node_id: str
    session_id: str
    person_id: str | None = None
    direction: Literal["publish", "subscribe"] | str
    reason: Literal["closed", "expired", "removed", "ended", "replaced", "failed"] | str
    packets: int = 0
    lost: int = 0
    boot: str = ""
    number: int = 0


class MediaNodeDraining(EventData):
    """What a gateway tells a client about a node that it is connected to; no event of the stream, so without an id."""

    node_id: str
    sessions: tuple[str, ...]


class MediaNodeLost(EventData):
    """What a gateway tells a client about a node that it is connected to; no event of the stream, so without an id."""

    node_id: str
    sessions: tuple[str, ...]


class MediaQuality(EventData):
    """What a connection's receiver reports said of the last seconds, where it is poor: the worst few of a Space."""

    at: datetime
    space_id: str
    node_id: str
    session_id: str
    person_id: str | None = None
    direction: Literal["publish", "subscribe"] | str
    fraction_lost: float
    jitter_ms: float
    round_trip_ms: float | None = None


class MediaSpaceQuality(EventData):
    """How a Space's listeners at one node fare, every ten seconds or so while any of them reports."""

    at: datetime
    space_id: str
    node_id: str
    listeners: int
    reporting: int
    packets: int = 0
    lost: int = 0
    fraction_lost: Spread | None = None
    jitter_ms: Spread | None = None
    round_trip_ms: Spread | None = None


class MediaSpeaking(EventData):
    """Who is heard now, loudest first; at most every 100 ms, and only when it changed. Empty when all fell silent."""

    at: datetime
    space_id: str
    node_id: str
    person_ids: tuple[str, ...]


class PeopleAppealDecided(EventData):
    """An appeal was granted (`reinstated` follows) or rejected."""

    at: datetime
    person_id: str
    version: int
    state: AppealState
    answer: str = ""


class PeopleErased(EventData):
    """The person is erased: from now on they are refused everywhere, for ever, and nobody is shown what they wrote.

    `Forgotten` follows when no process has their keys any more.
    """

    at: datetime
    person_id: str
    version: int


class PeopleHostingAllowed(EventData):
    """The person is on the list of those who may host."""

    at: datetime
    person_id: str
    version: int


class PeopleHostingWithdrawn(EventData):
    """The person is on the list of those who may host no longer."""

    at: datetime
    person_id: str
    version: int


class PeopleProfileChanged(EventData):
    """The person changed their profile. These are their handle, name and picture from now on, wherever they are named.

    Told in every Space in which they are named at that moment.
    """

    at: datetime
    person_id: str
    version: int
    handle: str
    display_name: str
    picture: str | None = None


class PeopleReinstated(EventData):
    """The person's suspension is over."""

    at: datetime
    person_id: str
    version: int
    explanation: str = ""
    lapsed: bool = False


class PeopleReminderDue(EventData):
    """Somebody is reminded now: once of each kind and start."""

    at: datetime
    person_id: str
    version: int
    space_id: str
    kind: ReminderKind
    title: str
    scheduled_start: datetime


class PeopleSuspended(EventData):
    """From now on the person is refused everywhere: no command, no stream, no stage. Who did it is on the log only."""

    at: datetime
    person_id: str
    version: int
    reason: str
    explanation: str = ""
    until: datetime | None = None


class PersonRef(Model):
    """A person as others see them."""

    id: str
    handle: str
    name: str
    picture: str | None = None


class Pin(Model):
    """A link with its preview text, for everybody in the Space."""

    id: str
    url: str
    text: str = ""
    person: PersonRef
    pinned_at: datetime


class PresenceCounted(EventData):
    """How many are there, from live leases; at most once a second per Space, and when it changed. Listeners count while
    they have a media connection or an event stream.
    """

    at: datetime
    space_id: str
    listeners: int
    on_stage: int


class PresenceReacted(EventData):
    """Reactions since the last such event (about 250 ms), counted by kind."""

    at: datetime
    space_id: str
    counts: dict[str, int]
    window_ms: int


class RecordingBegan(EventData):
    """From now on people on stage who consented are recorded."""

    at: datetime
    space_id: str
    version: int


class RecordingChaptersChanged(EventData):
    """The host set the chapters of the replay; `ChaptersQuery` tells them."""

    at: datetime
    space_id: str
    version: int
    chapters: int


class RecordingFailed(EventData):
    """There will be no replay."""

    at: datetime
    space_id: str
    version: int
    reason: Literal["nothing_captured", "storage", "unreadable"] | str
    detail: str


class RecordingReplayDeleted(EventData):
    """Nobody is shown the replay, its tracks and its transcript any more."""

    at: datetime
    space_id: str
    version: int
    reason: Literal["host", "expired", "platform"] | str


class RecordingReplayReady(EventData):
    """The replay can be played and downloaded; told again when its mix was made again, without somebody who was
    erased.
    """

    at: datetime
    space_id: str
    version: int
    seconds: float
    bytes: int
    mix: str
    tracks: tuple[Track, ...]
    began_at: datetime


class RoomArrived(EventData):
    """Somebody on stage is connected, for the first time or again."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str


class RoomCanceled(EventData):
    """A scheduled Space will not take place. `never_started`: nobody started it within two hours of its time."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    reason: Literal["host", "platform", "never_started", "erased"] | str = "host"


class RoomCohostAppointed(EventData):
    """Somebody on stage is a co-host now."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str


class RoomCohostDismissed(EventData):
    """A co-host is a speaker again."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str


class RoomCreated(EventData):
    """A Space exists; it is `scheduled` until it starts."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    host: PersonRef
    settings: Settings
    scheduled_start: datetime | None = None


class RoomDeleted(EventData):
    """Nobody is shown it any more, nor what was said and written in it."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None


class RoomEnded(EventData):
    """It is over. `timed_out` when the host was lost and nobody could take over, `erased` when they were erased and
    nobody could.
    """

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    reason: Literal["host", "platform", "timed_out", "erased"] | str = "host"


class RoomHandLowered(EventData):
    """A hand is down again."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str


class RoomHandRaised(EventData):
    """Somebody on stage raised a hand; it stays until it is lowered or they unmute."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str


class RoomHostChanged(EventData):
    """A co-host is the host now; the one before left the stage."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    host: PersonRef
    previous_id: str
    reason: Literal["handed_over", "lost", "erased"] | str


class RoomInvitationClosed(EventData):
    """An invitation to speak is over, and was not accepted."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str
    reason: Literal["declined", "withdrawn", "expired"] | str


class RoomInvited(EventData):
    """Somebody was invited: `invitation` to speak until it lapses, or only to be there."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person: PersonRef
    to: InvitedTo = "speak"
    invitation: Invitation | None = None


class RoomLanguageChosen(EventData):
    """Somebody on stage said what they speak from now on: `und` to have it found out, None for the Space's language."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str
    lang: str | None


class RoomLost(EventData):
    """The connection of somebody on stage dropped; back before `until`, they find everything as it was."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str
    until: datetime


class RoomMuted(EventData):
    """From now on nothing of this person is forwarded."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str


class RoomPinned(EventData):
    """A link was pinned for everybody."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    pin: Pin


class RoomReadmitted(EventData):
    """A removal was undone, or what it was for has ended: they may come again, as a listener."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str
    listened: bool = False


class RoomRemovalRecorded(EventData):
    """Why a person was removed; for the hosts' eyes and the moderation log."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str
    explanation: str


class RoomRemoved(EventData):
    """Somebody is out of the Space: off the stage, out of the queue, refused by every edge.

    For good where a host said so; while a block between them and the host, or their suspension, lasts.
    """

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str
    because: Literal["removed", "blocked", "suspended", "erased"] | str = "removed"
    listened: bool = False


class RoomRequestCanceled(EventData):
    """Somebody left the queue."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str


class RoomRequestDeclined(EventData):
    """A host said no."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str


class RoomRequestHeld(EventData):
    """The connection of somebody in the queue dropped, and their place is held `until` then; None: they are back."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str
    until: datetime | None = None


class RoomRescheduled(EventData):
    """A scheduled Space starts at another time."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    scheduled_start: datetime


class RoomSettingsChanged(EventData):
    """The host chose otherwise; `settings` are all of them as they are now."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    settings: Settings


class RoomSpeakRequested(EventData):
    """Somebody joined the queue to speak."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person: PersonRef
    message: str = ""
    consent_to_recording: bool = True


class RoomStageJoined(EventData):
    """Somebody got a place on stage (leaves the queue, if they were in it); always muted at first."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person: PersonRef
    role: Role
    consent_to_recording: bool = True
    lang: str | None = None


class RoomStageLeft(EventData):
    """Somebody left the stage and is a listener, or gone. `lost`: their connection dropped, and the grace is over."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str
    reason: Literal["stepped_down", "moved", "left", "lost"] | str = "stepped_down"


class RoomStarted(EventData):
    """It is live; the host stands on stage, muted."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    host: PersonRef
    settings: Settings


class RoomUninvited(EventData):
    """Somebody is invited no longer, neither to speak nor to be there."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str


class RoomUnmuted(EventData):
    """The person opened their microphone."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    person_id: str


class RoomUnpinned(EventData):
    """A link is pinned no longer."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    pin_id: str


class RoomWordsChanged(EventData):
    """The hosts' word list, all of it as it is now."""

    at: datetime
    space_id: str
    version: int
    actor: str | None = None
    words: tuple[str, ...]


class Settings(Model):
    """What the host chooses."""

    title: str
    topics: tuple[str, ...] = ()
    lang: str = "en"
    recorded: bool = False
    captions: bool = False
    who_can_join: WhoCanJoin = "everyone"
    who_can_speak: WhoCanSpeak = "invited"
    kind: Kind = "space"
    ephemeral: bool = False


class SpaceCard(Model):
    """A Space in a list."""

    id: str
    title: str
    state: State
    host: PersonRef
    speakers: tuple[PersonRef, ...] = ()
    listeners: int = 0
    topics: tuple[str, ...] = ()
    lang: str = "en"
    recorded: bool = False
    captions: bool = False
    ephemeral: bool = False
    scheduled_start: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    because: tuple[PersonRef, ...] = ()
    official: bool = False


class Spread(Model):
    """How a figure is spread over connections."""

    p50: float
    p95: float
    worst: float


class TippingJarChanged(EventData):
    """A person filled, changed or closed their tip jar."""

    at: datetime
    person_id: str
    version: int
    enabled: bool
    providers: tuple[str, ...]


class TippingTipConfirmed(EventData):
    """The recipient says that it arrived."""

    at: datetime
    person_id: str
    version: int
    tip_id: str
    space_id: str
    payer: str


class TippingTipOffered(EventData):
    """Somebody wants to tip; they were given the link."""

    at: datetime
    person_id: str
    version: int
    tip_id: str
    space_id: str
    payer: PersonRef
    provider: str
    amount_minor: int | None = None
    currency: str | None = None
    note: str = ""


class TippingTipOpened(EventData):
    """The payer followed the link."""

    at: datetime
    person_id: str
    version: int
    tip_id: str
    space_id: str
    payer: str


class Track(Model):
    """One speaker's own audio, Opus as it was received."""

    person: PersonRef
    object: str
    offset_seconds: float
    seconds: float
    bytes: int


class TranscriptionCaptionCorrected(EventData):
    """The host put other words in place of what was heard; they are shown from now on, marked as the host's."""

    at: datetime
    space_id: str
    version: int
    caption_id: str
    person_id: str
    text: str
    by: str


class TranscriptionCaptionDeleted(EventData):
    """What was said is shown to nobody any more, nor what a host put in its place."""

    at: datetime
    space_id: str
    version: int
    caption_id: str
    person_id: str
    by: str | None = None


class TranscriptionCaptionRestored(EventData):
    """What was heard is shown again."""

    at: datetime
    space_id: str
    version: int
    caption_id: str
    person_id: str
    text: str
    reason: Literal["rejected", "withdrawn"] | str


class TranscriptionCaptioned(EventData):
    """A final caption; replaces the partial ones with its id."""

    at: datetime
    space_id: str
    version: int
    caption: Caption


class TranscriptionCompleted(EventData):
    """Everything that was captured has been transcribed."""

    at: datetime
    space_id: str
    version: int
    captions: int
    words: int


class TranscriptionDeleted(EventData):
    """The whole transcript is shown to nobody any more; the replay is kept."""

    at: datetime
    space_id: str
    version: int
    by: str | None = None


class TranscriptionOwnCaptionCorrected(EventData):
    """Tells a speaker that the host corrected what they said, which they can reject."""

    at: datetime
    space_id: str
    version: int
    caption_id: str
    person_id: str
    text: str
    heard: str
    by: str


class Word(Model):
    """One word of a caption. Times are in seconds after the caption's `start_at`."""

    text: str
    start: float
    end: float
    confidence: float | None = None


EVENTS: dict[str, type[EventData]] = {
    "captions.partial": CaptionsPartial,
    "discovery.bar_changed": DiscoveryBarChanged,
    "discovery.bars_changed": DiscoveryBarsChanged,
    "media.connected": MediaConnected,
    "media.disconnected": MediaDisconnected,
    "media.node_draining": MediaNodeDraining,
    "media.node_lost": MediaNodeLost,
    "media.quality": MediaQuality,
    "media.space_quality": MediaSpaceQuality,
    "media.speaking": MediaSpeaking,
    "people.appeal_decided": PeopleAppealDecided,
    "people.erased": PeopleErased,
    "people.hosting_allowed": PeopleHostingAllowed,
    "people.hosting_withdrawn": PeopleHostingWithdrawn,
    "people.profile_changed": PeopleProfileChanged,
    "people.reinstated": PeopleReinstated,
    "people.reminder_due": PeopleReminderDue,
    "people.suspended": PeopleSuspended,
    "presence.counted": PresenceCounted,
    "presence.reacted": PresenceReacted,
    "recording.began": RecordingBegan,
    "recording.chapters_changed": RecordingChaptersChanged,
    "recording.failed": RecordingFailed,
    "recording.replay_deleted": RecordingReplayDeleted,
    "recording.replay_ready": RecordingReplayReady,
    "room.arrived": RoomArrived,
    "room.canceled": RoomCanceled,
    "room.cohost_appointed": RoomCohostAppointed,
    "room.cohost_dismissed": RoomCohostDismissed,
    "room.created": RoomCreated,
    "room.deleted": RoomDeleted,
    "room.ended": RoomEnded,
    "room.hand_lowered": RoomHandLowered,
    "room.hand_raised": RoomHandRaised,
    "room.host_changed": RoomHostChanged,
    "room.invitation_closed": RoomInvitationClosed,
    "room.invited": RoomInvited,
    "room.language_chosen": RoomLanguageChosen,
    "room.lost": RoomLost,
    "room.muted": RoomMuted,
    "room.pinned": RoomPinned,
    "room.readmitted": RoomReadmitted,
    "room.removal_recorded": RoomRemovalRecorded,
    "room.removed": RoomRemoved,
    "room.request_canceled": RoomRequestCanceled,
    "room.request_declined": RoomRequestDeclined,
    "room.request_held": RoomRequestHeld,
    "room.rescheduled": RoomRescheduled,
    "room.settings_changed": RoomSettingsChanged,
    "room.speak_requested": RoomSpeakRequested,
    "room.stage_joined": RoomStageJoined,
    "room.stage_left": RoomStageLeft,
    "room.started": RoomStarted,
    "room.uninvited": RoomUninvited,
    "room.unmuted": RoomUnmuted,
    "room.unpinned": RoomUnpinned,
    "room.words_changed": RoomWordsChanged,
    "tipping.jar_changed": TippingJarChanged,
    "tipping.tip_confirmed": TippingTipConfirmed,
    "tipping.tip_offered": TippingTipOffered,
    "tipping.tip_opened": TippingTipOpened,
    "transcription.caption_corrected": TranscriptionCaptionCorrected,
    "transcription.caption_deleted": TranscriptionCaptionDeleted,
    "transcription.caption_restored": TranscriptionCaptionRestored,
    "transcription.captioned": TranscriptionCaptioned,
    "transcription.completed": TranscriptionCompleted,
    "transcription.deleted": TranscriptionDeleted,
    "transcription.own_caption_corrected": TranscriptionOwnCaptionCorrected,
}
"""What each event carries, by its name."""
