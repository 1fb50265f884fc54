"""What the HTTP API takes and answers. Written from the contracts by `make contracts`; do not edit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from rostrum_client.model import Model

AppealState = Literal["open", "granted", "rejected", "lapsed"] | str
"""Where an appeal stands."""


CopyState = Literal["awaited", "kept", "deleted", "unseen", "given_up", "destroyed"] | str
"""What became of one piece of a report."""


EvidenceKind = Literal["moment", "caption", "pin", "request", "profile", "title"] | str
"""What a piece of evidence refers to."""


HostingReason = (
    Literal[
        "allowed", "suspended", "protected", "too_few_followers", "not_listed", "not_yet", "platform_closed", "nobody"
    ]
    | str
)
"""Why somebody may host, or may not."""


InvitedTo = Literal["speak", "join"]
"""What somebody is invited to."""


Kind = Literal["space", "conversation"] | str
"""What it is for."""


Outcome = Literal["delivered", "failed", "given_up", "left_out"] | str
"""What became of an attempt."""


PauseReason = Literal["asked", "failing", "gone", "key_revoked"] | str
"""Why nothing is sent."""


ReplayState = Literal["none", "recording", "processing", "ready", "failed"] | str
"""How far a replay is."""


ReportState = Literal["open", "dismissed", "acted"] | str
"""What became of a report."""


Role = Literal["host", "cohost", "speaker", "listener"] | str
"""What somebody is in a Space."""


SoundState = Literal["awaited", "kept", "none", "given_up"] | str
"""What became of the sound of one piece of a report."""


State = Literal["scheduled", "live", "ended", "canceled", "timed_out", "deleted"] | str
"""Lifecycle of a Space."""


TipState = Literal["offered", "opened", "confirmed", "withdrawn"] | str
"""How far a tip is known to be. Never `paid` on the payer's word."""


WebhookState = Literal["active", "failing", "paused"] | str
"""Whether events are sent."""


WhoCanJoin = Literal["everyone", "followers", "invited"] | str
"""Who may listen."""


WhoCanSpeak = Literal["everyone", "followed", "invited"] | str
"""Who may come on stage without being let in."""


WhoMayHost = Literal["everyone", "followers", "listed", "percentage", "nobody"] | str
"""The kinds of rule."""


class Acceptance(Model):
    """Coming on stage. Without consent one is heard live, and is in no recording and no transcript."""

    consent_to_recording: bool = True


class Allowed(Model):
    """Whether others than the host may download."""

    allowed: bool


class Appeal(Model):
    """What a suspended person has to say about their suspension; one appeal each."""

    answer: str = ""
    at: datetime
    decided_at: datetime | None = None
    explanation: str = ""
    person_id: str
    reason: str
    state: AppealState = "open"
    suspended_at: datetime
    text: str


class Appeals(Model):
    """A page of appeals, newest first."""

    appeals: tuple[Appeal, ...] = ()
    next_cursor: str | None = None


class Because(Model):
    """Why, for the log and for whom it concerns."""

    explanation: str = ""


class Caption(Model):
    """One final caption: what one person said without a pause of note."""

    corrected_by: str | None = None
    correction_rejected: bool = False
    end_at: datetime
    heard: str | None = None
    id: str
    lang: str
    person: PersonRef
    start_at: datetime
    text: str
    words: tuple[Word, ...] = ()


class ChangedWebhook(Model):
    """Another address, or other events; what is left out stays."""

    events: tuple[str, ...] | None = None
    url: str | None = None


class Changes(Model):
    """What is to be otherwise; what is left out stays. Whether it is recorded, captioned or ephemeral is chosen before
    the start.
    """

    captions: bool | None = None
    ephemeral: bool | None = None
    lang: str | None = None
    recorded: bool | None = None
    title: str | None = None
    topics: tuple[str, ...] | None = None
    who_can_join: WhoCanJoin | None = None
    who_can_speak: WhoCanSpeak | None = None


class Chapter(Model):
    """A chapter of a replay."""

    person: PersonRef | None = None
    seconds: float
    title: str = ""
    url: str | None = None


class Chapters(Model):
    """The chapters of a replay, in order."""

    chapters: tuple[Chapter, ...] = ()
    seconds: float = 0
    space_id: str


class ClientToken(Model):
    """A token for a client of somebody."""

    expires_at: datetime
    person_id: str
    token: str


class Closing(Model):
    """What becomes of a report: `dismissed` or `acted`."""

    explanation: str = ""
    outcome: ReportState


class Confirmed(Model):
    """The account's handle or id, typed by whoever deletes it."""

    confirmation: str


class CopiedCaption(Model):
    """What somebody said, in words."""

    end_at: datetime
    id: str
    person_id: str
    start_at: datetime
    text: str


class CopiedPin(Model):
    """A pinned link."""

    person_id: str
    text: str = ""
    url: str


class CopiedProfile(Model):
    """What somebody said of themself."""

    bio: str = ""
    handle: str
    links: tuple[str, ...] = ()
    name: str


class Corrected(Model):
    """What was said, in the host's words."""

    text: str


class Deliveries(Model):
    """A page of attempts, newest first."""

    deliveries: tuple[Delivery, ...] = ()
    next: int | None = None


class Delivery(Model):
    """One attempt to tell a webhook of an event. What was sent is not kept, nor is the answer."""

    at: datetime
    attempt: int
    error: str = ""
    event_at: datetime
    id: int
    message_id: str
    milliseconds: int = 0
    outcome: Outcome
    space_id: str | None = None
    status: int | None = None
    type: str


class Erasure(Model):
    """How far somebody's erasure is."""

    erased_at: datetime
    forgotten_at: datetime | None = None
    handle_free_at: datetime | None = None
    person_id: str


class Evidence(Model):
    """Where what is reported can be seen or heard. What it refers to is copied as it is then (`LookAtCopy`), and the
    safety copy of its Space is kept longer while the report is open.
    """

    from_seconds: float | None = None
    kind: EvidenceKind
    reference: str = ""
    space_id: str | None = None
    to_seconds: float | None = None


class EvidencePiece(Model):
    """One thing that was reported."""

    at: datetime | None = None
    captions: tuple[CopiedCaption, ...] = ()
    kind: EvidenceKind
    message: str = ""
    number: int
    pin: CopiedPin | None = None
    profile: CopiedProfile | None = None
    reference: str = ""
    sound: KeptSound | None = None
    sound_since: datetime | None = None
    sound_until: datetime | None = None
    space_id: str | None = None
    state: CopyState
    title: str = ""


class Fault(Model):
    """One thing that is wrong with a request."""

    what: str
    where: str


class GivenChapter(Model):
    """A chapter as a host sets it."""

    person_id: str | None = None
    seconds: float
    title: str = ""
    url: str | None = None


class Grant(Model):
    """What somebody may do in a Space right now."""

    blocked_on_stage: tuple[PersonRef, ...] = ()
    captions: bool
    consent_to_recording: bool
    may_publish: bool
    muted: bool
    person: PersonRef | None
    recorded: bool
    role: Role
    space_id: str
    version: int


class Halted(Model):
    """Before which event a reader of a process stands, because it cannot read it."""

    event_id: str
    reader: str
    sequence: int
    subject: str
    why: str


class HostingAnswer(Model):
    """Whether a person may host."""

    allowed: bool
    first_time: bool = True
    person_id: str
    reason: HostingReason
    sentence: str
    since: datetime | None = None


class HostingPolicy(Model):
    """Who may host."""

    platforms: tuple[PlatformRule, ...] = ()
    rule: HostingRule = Field(
        default_factory=lambda: HostingRule.model_validate({"followers": 600, "percentage": 100, "who": "everyone"})
    )
    since: datetime | None = None


class HostingRule(Model):
    """One rule. Somebody suspended or protected hosts under none."""

    followers: int = 600
    percentage: int = 100
    who: WhoMayHost = "everyone"


class HowToSignIn(Model):
    """How people prove who they are here."""

    mode: Literal["development", "tokens", "oidc"] | str
    sign_in: str | None = None
    sign_out: str | None = None


class Invitation(Model):
    """Somebody who was invited on stage and has not answered yet."""

    expires_at: datetime
    invited_by: str | None = None
    person: PersonRef


class InvitationCode(Model):
    """A code and what is left of it."""

    code: str
    expires_at: datetime | None = None
    note: str = ""
    revoked: bool = False
    used: int = 0
    uses: int


class InvitationCodes(Model):
    """Every code, newest first."""

    codes: tuple[InvitationCode, ...] = ()


class KeptSound(Model):
    """Sound that belongs to a piece."""

    address: str | None = None
    began_at: datetime | None = None
    people: tuple[PersonRef, ...] = ()
    seconds: float = 0
    state: SoundState


class Languages(Model):
    """What captions are made of."""

    languages: tuple[str, ...]


class Leaked(Model):
    """A token that got into the wrong hands."""

    token: str


class LinesTaken(Model):
    """What became of the lines."""

    faults: tuple[RefusedLine, ...]
    lines: int
    refused: int


class LivePage(Model):
    """Live Spaces, in order of their ids, whoever may join them."""

    next: str | None = None
    spaces: tuple[SpaceCard, ...]


class LogEntry(Model):
    """One moderation act, of operators or of the hosts of a Space: who, what, when, why."""

    act: str
    actor: PersonRef | None = None
    actor_id: str | None = None
    after: str = ""
    api_key: str | None = None
    api_key_name: str = ""
    at: datetime
    before: str = ""
    explanation: str = ""
    id: str
    person: PersonRef | None = None
    person_id: str | None = None
    reason: str = ""
    report_id: str | None = None
    space_id: str | None = None
    title: str = ""
    undoable: bool = False
    undone_by: str | None = None
    what: str = ""


class LogPage(Model):
    """A page of the log, newest first."""

    entries: tuple[LogEntry, ...] = ()
    next_cursor: str | None = None


class ManyPeople(Model):
    """Up to 500 people."""

    people: tuple[ToldOfOneOfMany, ...]


class MinuteCount(Model):
    """Listeners over one minute."""

    listeners: int
    minute: int


class MirroredPeople(Model):
    """In the order in which they were told of."""

    people: tuple[MirroredPerson, ...]


class MirroredPerson(Model):
    """Who somebody is here, or why nothing was taken over."""

    detail: str | None = None
    person_id: str | None = None
    reason: str | None = None
    subject: str


class NewAppeal(Model):
    """What one has to say about one's suspension."""

    text: str


class NewBrowser(Model):
    """What `PushManager.subscribe` gave (its `endpoint` is the address), and of what one wants to be told."""

    address: str
    auth: str
    live: bool = False
    p256dh: str
    reminders: bool = True


class NewChapters(Model):
    """All chapters, in order."""

    chapters: tuple[GivenChapter, ...]


class NewCode(Model):
    """A code with which `uses` people may sign up."""

    expires_at: datetime | None = None
    note: str = ""
    uses: int = 1


class NewInvitation(Model):
    """Whom to invite: to speak, or only to join where only invited people can."""

    person_id: str
    to: InvitedTo = "speak"


class NewJar(Model):
    """A tip jar, replacing the one before: names by provider. They become public, and that must be acknowledged to
    enable it.
    """

    enabled: bool
    names: dict[str, str]
    public_names_acknowledged: bool = False


class NewPerson(Model):
    """Sign-up in development mode."""

    handle: str
    invitation: str | None = None
    name: str


class NewPin(Model):
    """A link and its preview text."""

    text: str = ""
    url: str


class NewPolicy(Model):
    """Who may host from now on."""

    explanation: str = ""
    platforms: tuple[PlatformRule, ...] = ()
    rule: HostingRule = Field(
        default_factory=lambda: HostingRule.model_validate({"followers": 600, "percentage": 100, "who": "everyone"})
    )


class NewPrivacy(Model):
    """What is left out stays as it is."""

    hides_listening: bool | None = None
    protected: bool | None = None


class NewProfile(Model):
    """What is left out stays as it is."""

    bio: str | None = None
    handle: str | None = None
    links: tuple[str, ...] | None = None
    name: str | None = None


class NewReaction(Model):
    """One of the configured reactions; a skin tone (Fitzpatrick modifier) where it takes one."""

    reaction: str
    skin_tone: int | None = None


class NewRemoval(Model):
    """Removing somebody for good; the reason is for the hosts and the moderation log."""

    person_id: str
    reason: str = ""


class NewReport(Model):
    """A complaint about a person, a Space, or a person in a Space; `reason` is one of `GET /v1/reports/reasons`."""

    comment: str = ""
    evidence: tuple[Evidence, ...] = ()
    person_id: str | None = None
    reason: str
    space_id: str | None = None


class NewRequest(Model):
    """Asking to speak. Without consent one is heard live, and is in no recording and no transcript."""

    consent_to_recording: bool = True
    message: str = ""


class NewSession(Model):
    """Joining a Space: on what, and from where. Who signed up while listening names the anonymous session that this
    one `replaces`, so that one listener stays one.
    """

    hidden: bool = False
    platform: str = "web"
    replaces: str | None = None
    source: str = "link"


class NewSpace(Model):
    """A Space to be created; it is live at once unless `scheduled_start` (at most 30 days ahead) is given."""

    captions: bool = False
    ephemeral: bool = False
    kind: Kind = "space"
    lang: str = "en"
    platform: str = "web"
    recorded: bool = False
    scheduled_start: datetime | None = None
    title: str
    topics: tuple[str, ...] = ()
    who_can_join: WhoCanJoin = "everyone"
    who_can_speak: WhoCanSpeak = "invited"
    words: tuple[str, ...] = ()


class NewStart(Model):
    """Another start, at most 30 days ahead."""

    scheduled_start: datetime


class NewSuspension(Model):
    """Why somebody is suspended, and for how long."""

    explanation: str = ""
    reason: str
    report_id: str | None = None
    until: datetime | None = None


class NewTip(Model):
    """A tip for the host or a speaker. The amount is in the currency's minor unit."""

    amount_minor: int | None = None
    currency: str | None = None
    note: str = ""
    provider: str
    to: str


class NewWebhook(Model):
    """An address, and the types of events it wants (`room.started`, `room.*`); without any, all that the key's rights
    open.
    """

    events: tuple[str, ...] = ()
    url: str


class NodeFigures(Model):
    """One media node: its sessions, and packets since it started."""

    address: str
    capacity: int
    draining: bool
    node_id: str
    sessions: int


class Offences(Model):
    """The reasons for which one may report and suspend here."""

    reasons: tuple[str, ...]


class OverviewFigures(Model):
    """The instance now. A figure that its service did not tell in time is None."""

    dead_letters: float
    lost: int
    lost_lately: float | None
    media: dict[str, float] | None = None
    next: str | None = None
    nodes: tuple[NodeFigures, ...] | None
    packets: int
    people_connected: int | None
    position: str
    services: tuple[Status, ...]
    spaces: tuple[SpaceCard, ...]
    spaces_live: int | None
    streams: int


class OwnLanguage(Model):
    """A BCP 47 tag; `und` or `auto` to have it found out; null for the language of the Space."""

    lang: str | None


class Participant(Model):
    """Somebody who is there now."""

    person: PersonRef
    role: Role


class Participants(Model):
    """A page of who is there, each person once; anonymous and hidden people are only counted."""

    listeners: int = 0
    next: str | None = None
    people: tuple[Participant, ...] = ()
    space_id: str


class PassedOver(Model):
    """The event that readers go on without, and why, for the log."""

    event_id: str
    explanation: str = ""


class PastSpace(Model):
    """A Space as it was at an earlier moment, without what was erased since. How many listened then nobody keeps."""

    created_at: datetime
    ended_at: datetime | None = None
    host: PersonRef
    id: str
    invitations: tuple[Invitation, ...] = ()
    invited: tuple[str, ...] = ()
    newest: int
    pins: tuple[Pin, ...] = ()
    removed: tuple[str, ...] = ()
    requests: tuple[SpeakRequest, ...] = ()
    scheduled_start: datetime | None = None
    settings: Settings
    since: datetime
    stage: tuple[StageMember, ...] = ()
    started_at: datetime | None = None
    state: State
    version: int
    words: tuple[str, ...] = ()


class PeopleFound(Model):
    """People by their names: whose handle it is first, then by name."""

    people: tuple[PersonRef, ...]


class Person(Model):
    """A profile as everybody may see it."""

    bio: str = ""
    followers: int = 0
    following: int = 0
    handle: str
    hides_listening: bool = False
    id: str
    links: tuple[str, ...] = ()
    name: str
    picture: str | None = None
    protected: bool = False
    version: int = 0


class PersonRef(Model):
    """A person as others see them."""

    handle: str
    id: str
    name: str
    picture: str | None = None


class Pin(Model):
    """A link with its preview text, for everybody in the Space."""

    id: str
    person: PersonRef
    pinned_at: datetime
    text: str = ""
    url: str


class PlatformRule(Model):
    """A rule for those who come with one kind of client."""

    followers: int = 600
    percentage: int = 100
    platform: str
    who: WhoMayHost = "everyone"


class Problem(Model):
    """A problem document (RFC 9457). `reason` is stable and meant for programs, `detail` for people."""

    detail: str
    faults: tuple[Fault, ...] | None = None
    instance: str
    reason: str
    status: int
    title: str
    trace_id: str | None = None
    type: str


class Provider(Model):
    """Where a tip is paid: what a client needs to ask for a name there, and for an amount."""

    currency: str | None = None
    id: str
    label: str
    name_example: str = ""
    name_hint: str
    name_pattern: str
    takes_amount: bool


class Providers(Model):
    """Every provider, in the order in which they are shown."""

    providers: tuple[Provider, ...]


class Quality(Model):
    """What a connection's receiver reports said of the last seconds, where it is poor: the worst few of a Space."""

    at: datetime
    direction: Literal["publish", "subscribe"] | str
    fraction_lost: float
    jitter_ms: float
    node_id: str
    person_id: str | None = None
    round_trip_ms: float | None = None
    session_id: str
    space_id: str


class Reactions(Model):
    """The list of reactions that this instance takes."""

    reactions: tuple[str, ...]
    with_skin_tone: tuple[str, ...] = ()


class RefusedLine(Model):
    """A line that changed nothing."""

    detail: str
    line: int
    reason: str


class Reminder(Model):
    """A Space that somebody is reminded of."""

    scheduled_start: datetime
    space_id: str
    title: str


class Reminders(Model):
    """Somebody's reminders of Spaces that are scheduled, the next one first."""

    reminders: tuple[Reminder, ...] = ()


class Replay(Model):
    """One event, or those since a time, or of those the ones alone that were given up."""

    failed: bool = False
    message_id: str | None = None
    since: datetime | None = None


class ReplayView(Model):
    """How far the replay is, and where its parts are."""

    began_at: datetime | None = None
    bytes: int = 0
    downloads: bool = False
    forms: tuple[str, ...] = ()
    mix: str | None = None
    seconds: float = 0
    state: ReplayState
    tracks: tuple[TrackView, ...] = ()


class Replayed(Model):
    """What is sent again."""

    events: int
    more: bool = False


class Report(Model):
    """A complaint about a person, a Space, or somebody in a Space, with what was true when it was made."""

    at: datetime
    closed_at: datetime | None = None
    closed_by: str | None = None
    comment: str = ""
    evidence: tuple[Evidence, ...] = ()
    explanation: str = ""
    handle: str = ""
    host_id: str | None = None
    id: str
    name: str = ""
    person: PersonRef | None = None
    person_id: str | None = None
    reason: str
    reporter: PersonRef | None = None
    reporter_id: str
    space_id: str | None = None
    state: ReportState = "open"
    title: str = ""


class ReportEvidence(Model):
    """What was reported, as it was then."""

    destroyed_at: datetime | None = None
    people: tuple[PersonRef, ...] = ()
    pieces: tuple[EvidencePiece, ...] = ()
    report_id: str


class Reports(Model):
    """A page of reports, newest first."""

    next_cursor: str | None = None
    reports: tuple[Report, ...] = ()


class Rotation(Model):
    """For how long the secret before signs too."""

    keep_seconds: int = 86400


class Sanction(Model):
    """Why an act is done to somebody or to a Space, and the report that is answered by it."""

    explanation: str = ""
    reason: str
    report_id: str | None = None


class SentTest(Model):
    """What became of a test."""

    error: str = ""
    message_id: str
    milliseconds: int = 0
    outcome: Outcome
    status: int | None = None


class Sentence(Model):
    """What one person said without a pause of note, as its final caption has it or as the host corrected it."""

    caption_id: str
    corrected: bool = False
    end_at: datetime
    lang: str
    person: PersonRef
    start_at: datetime
    text: str


class SentenceFound(Model):
    """A sentence that answers to a search, with its neighbours."""

    after: Sentence | None = None
    before: Sentence | None = None
    caption_id: str
    corrected: bool = False
    end_at: datetime
    lang: str
    person: PersonRef
    replay: bool
    seconds: float
    space_id: str
    start_at: datetime
    text: str


class SentencePage(Model):
    """A part of the sentences that were found, best first."""

    approximate: bool = False
    guessed: bool = False
    next_cursor: str | None = None
    sentences: tuple[SentenceFound, ...]
    spaces: tuple[SpaceCard, ...] = ()


class SessionOpened(Model):
    """A live presence. It ends `lease_seconds` after its last renewal; an open event stream with it renews it.

    Its id is good for whoever opened it, and an anonymous client's secret.
    """

    blocked_on_stage: tuple[PersonRef, ...] = ()
    lease_seconds: float
    role: Role
    session_id: str


class Settings(Model):
    """What the host chooses."""

    captions: bool = False
    ephemeral: bool = False
    kind: Kind = "space"
    lang: str = "en"
    recorded: bool = False
    title: str
    topics: tuple[str, ...] = ()
    who_can_join: WhoCanJoin = "everyone"
    who_can_speak: WhoCanSpeak = "invited"


class SignedLink(Model):
    """An address that opens one thing without a token, until it ends."""

    ends_at: datetime
    url: str


class SignedUp(Model):
    """A new person and the token that proves to be them."""

    person: Person
    token: str


class Somebody(Model):
    """Whom it is about."""

    person_id: str


class SpaceCard(Model):
    """A Space in a list."""

    because: tuple[PersonRef, ...] = ()
    captions: bool = False
    ended_at: datetime | None = None
    ephemeral: bool = False
    host: PersonRef
    id: str
    lang: str = "en"
    listeners: int = 0
    official: bool = False
    recorded: bool = False
    scheduled_start: datetime | None = None
    speakers: tuple[PersonRef, ...] = ()
    started_at: datetime | None = None
    state: State
    title: str
    topics: tuple[str, ...] = ()


class SpaceCards(Model):
    """A page of Spaces."""

    spaces: tuple[SpaceCard, ...]


class SpaceConnections(Model):
    """A Space's connections at one node."""

    summary: SpaceQuality
    worst: tuple[Quality, ...] = ()


class SpaceFigures(Model):
    """What a host asks about a Space."""

    duration_seconds: float
    listeners_by_minute: tuple[MinuteCount, ...] = ()
    peak_listeners: int
    reactions: dict[str, int] | None = None
    sources: dict[str, int] | None = None
    space_id: str
    speakers: int
    talk_seconds_by_speaker: dict[str, float] | None = None
    through_sequence: int = 0
    tips_confirmed: int = 0
    tips_offered: int = 0
    total_listeners: int


class SpacePage(Model):
    """A part of what was found, in order."""

    approximate: bool = False
    next_cursor: str | None = None
    spaces: tuple[SpaceCard, ...]
    spoken: tuple[Spoken, ...] = ()
    states: tuple[State, ...] = ()


class SpacePeople(Model):
    """A page of people whom a Space keeps on a list, in order of their ids."""

    ids: tuple[str, ...] = ()
    next: str | None = None
    people: tuple[PersonRef, ...] = ()
    space_id: str
    version: int


class SpaceQuality(Model):
    """How a Space's listeners at one node fare, every ten seconds or so while any of them reports."""

    at: datetime
    fraction_lost: Spread | None = None
    jitter_ms: Spread | None = None
    listeners: int
    lost: int = 0
    node_id: str
    packets: int = 0
    reporting: int
    round_trip_ms: Spread | None = None
    space_id: str


class SpaceView(Model):
    """A Space as the asker may see it, and how many listen now."""

    captions_in: tuple[str, ...] | None = None
    created_at: datetime
    ended_at: datetime | None = None
    host: PersonRef
    id: str
    invitations: tuple[Invitation, ...] = ()
    invited: tuple[str, ...] = ()
    listeners: int = 0
    pins: tuple[Pin, ...] = ()
    removed: tuple[str, ...] = ()
    requests: tuple[SpeakRequest, ...] = ()
    scheduled_start: datetime | None = None
    settings: Settings
    stage: tuple[StageMember, ...] = ()
    started_at: datetime | None = None
    state: State
    version: int
    words: tuple[str, ...] = ()


class SpeakRequest(Model):
    """Somebody waiting to speak; the queue is in order of `requested_at`."""

    consent_to_recording: bool = True
    lost_until: datetime | None = None
    message: str = ""
    person: PersonRef
    requested_at: datetime


class Spoken(Model):
    """A sentence of a replay that has the words."""

    caption_id: str
    seconds: float
    space_id: str
    text: str


class Spread(Model):
    """How a figure is spread over connections."""

    p50: float
    p95: float
    worst: float


class StageMember(Model):
    """Somebody with a place on stage."""

    consent_to_recording: bool = True
    hand_raised: bool = False
    joined_at: datetime
    lang: str | None = None
    lost_until: datetime | None = None
    muted: bool = True
    person: PersonRef
    role: Role


class Status(Model):
    """One process: whether it is ready, and if not, what is missing."""

    halted: tuple[Halted, ...] = ()
    health_port: int
    instance: str
    missing: dict[str, str] = Field(default_factory=dict)
    pid: int
    ready: bool
    service: str


class Subscription(Model):
    """A browser that is told."""

    created_at: datetime
    id: str
    live: bool = False
    reminders: bool = True
    service: str


class Subscriptions(Model):
    """A person's browsers, oldest first, and what another one needs to subscribe."""

    key: str
    subscriptions: tuple[Subscription, ...] = ()


class Suspension(Model):
    """Why somebody is suspended, and for how long."""

    explanation: str = ""
    reason: str
    until: datetime | None = None


class Tip(Model):
    """One tip. Amounts are integers in the currency's minor unit; None where the provider takes no amount."""

    amount_minor: int | None = None
    currency: str | None = None
    id: str
    link: str
    note: str = ""
    offered_at: datetime
    payer: str
    provider: str
    recipient: str
    space_id: str
    state: TipState
    version: int = 0


class TipJar(Model):
    """A person's names at the providers; public once enabled."""

    enabled: bool = False
    names: dict[str, str] | None = None
    person_id: str
    version: int = 0


class Tips(Model):
    """Tips of a Space, oldest first."""

    tips: tuple[Tip, ...]


class ToldOfOne(Model):
    """What the product says of somebody; what is left out is not said."""

    handle: str | None = None
    name: str | None = None
    protected: bool | None = None


class ToldOfOneOfMany(Model):
    """The same, with the product's own id of the person."""

    handle: str | None = None
    name: str | None = None
    protected: bool | None = None
    subject: str


class Topics(Model):
    """The list of topics a Space may be about."""

    topics: tuple[str, ...]


class TrackView(Model):
    """One speaker's own audio."""

    bytes: int
    offset_seconds: float
    person: PersonRef
    seconds: float
    url: str


class Transcript(Model):
    """Final captions of a Space in order of `start_at`: all of them, or as many as one answer carries."""

    captions: tuple[Caption, ...] = ()
    languages: tuple[str, ...] = ()
    more: bool = False
    space_id: str
    state: Literal["none", "open", "complete"] | str
    version: int = 0


class Verdict(Model):
    """The answer to an appeal."""

    answer: str = ""
    granted: bool


class Wanted(Model):
    """What a link is wanted for."""

    address: str


class WantedToken(Model):
    """A token for a client of somebody."""

    rights: tuple[Literal["listen", "take_part", "host", "account"], ...] = ("listen", "take_part")
    seconds: int = 900
    """How long it is good."""


class Webhook(Model):
    """An address that is told of events. Its secrets are told once, when they are made."""

    created_at: datetime
    events: tuple[str, ...] = ()
    failing_since: datetime | None = None
    former_secret_until: datetime | None = None
    id: str
    key_id: str | None = None
    next_attempt_at: datetime | None = None
    paused_because: PauseReason | None = None
    retried: int = 0
    rights: tuple[Literal["people", "relations", "moderation", "spaces", "tokens", "events", "webhooks"], ...] | str
    state: WebhookState
    url: str
    waiting: int = 0


class WebhookWithSecret(Model):
    """A webhook whose secret was made just now."""

    created_at: datetime
    events: tuple[str, ...] = ()
    failing_since: datetime | None = None
    former_secret_until: datetime | None = None
    id: str
    key_id: str | None = None
    next_attempt_at: datetime | None = None
    paused_because: PauseReason | None = None
    retried: int = 0
    rights: tuple[Literal["people", "relations", "moderation", "spaces", "tokens", "events", "webhooks"], ...] | str
    secret: str
    state: WebhookState
    url: str
    waiting: int = 0


class Webhooks(Model):
    """Webhooks, oldest first."""

    webhooks: tuple[Webhook, ...] = ()


class Word(Model):
    """One word of a caption. Times are in seconds after the caption's `start_at`."""

    confidence: float | None = None
    end: float
    start: float
    text: str


class WordList(Model):
    """Names, brands and terms that captions should be able to write: up to 50, each of up to 40 characters."""

    words: tuple[str, ...]
