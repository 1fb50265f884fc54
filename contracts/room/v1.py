"""The Space itself: lifecycle, stage, requests, removals.

Every event carries `version`, the version of the Space's aggregate after it. A follower takes a snapshot with the
`space` query and applies the events with a higher version (`contracts.room.follow`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from contracts.commands import Command, Nothing, Query, register
from contracts.envelope import Audience, Event, Model, PersonId, PersonRef, SessionId, SpaceId, event

Title = Annotated[str, StringConstraints(min_length=1, max_length=70, strip_whitespace=True)]
Topic = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
"""BCP 47 language tag."""
Message = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
Explanation = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]

REACTIONS = (
    "laughing",
    "surprised",
    "crying",
    "purple_heart",
    "hundred",
    "clap",
    "fist",
    "thumbs_up",
    "thumbs_down",
    "wave",
)
Reaction = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,30}$")]


class State(StrEnum):
    """Lifecycle of a Space."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    CANCELED = "canceled"
    TIMED_OUT = "timed_out"


class Role(StrEnum):
    """What somebody is in a Space."""

    HOST = "host"
    COHOST = "cohost"
    SPEAKER = "speaker"
    LISTENER = "listener"


class WhoCanJoin(StrEnum):
    """Who may listen."""

    EVERYONE = "everyone"
    FOLLOWERS = "followers"
    INVITED = "invited"


class WhoCanSpeak(StrEnum):
    """Who may come on stage without being let in."""

    EVERYONE = "everyone"
    FOLLOWED = "followed"
    INVITED = "invited"


class Settings(Model):
    """What the host chooses."""

    title: Title
    topics: Annotated[tuple[Topic, ...], Field(max_length=3)] = ()
    lang: Language = "en"
    recorded: bool = False
    captions: bool = False
    who_can_join: WhoCanJoin = WhoCanJoin.EVERYONE
    who_can_speak: WhoCanSpeak = WhoCanSpeak.INVITED


class StageMember(Model):
    """Somebody with a place on stage."""

    person: PersonRef
    role: Role
    muted: bool = True
    consent_to_recording: bool = True
    joined_at: AwareDatetime


class SpeakRequest(Model):
    """Somebody waiting to speak; the queue is in order of `requested_at`."""

    person: PersonRef
    message: str = ""
    consent_to_recording: bool = True
    requested_at: AwareDatetime


class Space(Model):
    """A Space at one version. `requests` holds only what the asker may see; `removed` only for the hosts."""

    id: SpaceId
    version: int = Field(ge=1)
    state: State
    host: PersonRef
    settings: Settings
    created_at: AwareDatetime
    scheduled_start: AwareDatetime | None = None
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    stage: tuple[StageMember, ...] = ()
    requests: tuple[SpeakRequest, ...] = ()
    removed: tuple[PersonId, ...] = ()


class SpaceEvent(Event):
    """Belongs to a Space."""

    space_id: SpaceId
    version: int = Field(ge=1)
    """Version of the Space's aggregate after this event."""
    actor: PersonId | None = None
    """Who caused it; None for the system."""


@event("room", "created", Audience.PUBLIC)
class Created(SpaceEvent):
    """A Space exists; it is `scheduled` until it starts."""

    host: PersonRef
    settings: Settings
    scheduled_start: AwareDatetime | None = None


@event("room", "started", Audience.PUBLIC)
class Started(SpaceEvent):
    """It is live; the host stands on stage, muted."""

    host: PersonRef
    settings: Settings


@event("room", "ended", Audience.PUBLIC)
class Ended(SpaceEvent):
    """It is over. `timed_out` when the host was lost and nobody could take over."""

    reason: Literal["host", "platform", "timed_out"] = "host"


@event("room", "canceled", Audience.PUBLIC)
class Canceled(SpaceEvent):
    """A scheduled Space will not take place."""


@event("room", "speak_requested", Audience.HOSTS, Audience.PERSON, concerns=("person",))
class SpeakRequested(SpaceEvent):
    """Somebody joined the queue to speak."""

    person: PersonRef
    message: str = ""
    consent_to_recording: bool = True


@event("room", "request_canceled", Audience.HOSTS, Audience.PERSON, concerns=("person_id",))
class RequestCanceled(SpaceEvent):
    """Somebody left the queue."""

    person_id: PersonId


@event("room", "request_declined", Audience.HOSTS, Audience.PERSON, concerns=("person_id",))
class RequestDeclined(SpaceEvent):
    """A host said no."""

    person_id: PersonId


@event("room", "stage_joined", Audience.PUBLIC)
class StageJoined(SpaceEvent):
    """Somebody got a place on stage (leaves the queue, if they were in it); always muted at first."""

    person: PersonRef
    role: Role
    consent_to_recording: bool = True


@event("room", "stage_left", Audience.PUBLIC)
class StageLeft(SpaceEvent):
    """Somebody left the stage and is a listener, or gone."""

    person_id: PersonId
    reason: Literal["stepped_down", "moved", "left", "lost"] = "stepped_down"


@event("room", "muted", Audience.PUBLIC)
class Muted(SpaceEvent):
    """From now on nothing of this person is forwarded."""

    person_id: PersonId


@event("room", "unmuted", Audience.PUBLIC)
class Unmuted(SpaceEvent):
    """The person opened their microphone."""

    person_id: PersonId


@event("room", "removed", Audience.PUBLIC)
class Removed(SpaceEvent):
    """Somebody is out of the Space for good: off the stage, out of the queue, refused by every edge."""

    person_id: PersonId


@event("room", "removal_recorded", Audience.HOSTS)
class RemovalRecorded(SpaceEvent):
    """Why a person was removed; for the hosts' eyes and the moderation log."""

    person_id: PersonId
    explanation: str


class SpaceCommand(Command[Space]):
    """An order about one Space, routed to the owner of its partition; the result is the Space after it."""

    service = "room"
    result = Space
    space_id: SpaceId

    @property
    def partition_key(self) -> str | None:
        return self.space_id


@register
class CreateSpace(SpaceCommand):
    """Creates a Space with the actor as host; starts it now unless `scheduled_start` is given (at most 30 days ahead).

    `space_id` is chosen by the gateway. Hosting a recorded Space is consent to be recorded.
    Refuses: may_not_host, person_unknown, invalid, too_many_scheduled.
    """

    name = "create_space"
    settings: Settings
    scheduled_start: AwareDatetime | None = None


@register
class StartSpace(SpaceCommand):
    """The host starts a scheduled Space. Refuses: not_host, not_scheduled."""

    name = "start_space"


@register
class CancelSpace(SpaceCommand):
    """The host cancels a scheduled Space. Refuses: not_host, not_scheduled."""

    name = "cancel_space"


@register
class EndSpace(SpaceCommand):
    """The host (or the platform: operator) ends it. Refuses: not_host, not_live."""

    name = "end_space"


@register
class RequestToSpeak(SpaceCommand):
    """The actor joins the queue; where `who_can_speak` allows, straight onto the stage.

    Refuses: not_live, removed, blocked, already_on_stage, already_requested, stage_full.
    """

    name = "request_to_speak"
    message: Message = ""
    consent_to_recording: bool = True


@register
class CancelRequest(SpaceCommand):
    """The actor leaves the queue. Refuses: request_unknown."""

    name = "cancel_request"


@register
class AcceptRequest(SpaceCommand):
    """A host lets somebody in. Refuses: not_host, request_unknown, stage_full."""

    name = "accept_request"
    person_id: PersonId


@register
class DeclineRequest(SpaceCommand):
    """A host says no. Refuses: not_host, request_unknown."""

    name = "decline_request"
    person_id: PersonId


@register
class Mute(SpaceCommand):
    """A host mutes somebody, or the actor themself; muting the muted is accepted. Refuses: not_host, not_on_stage."""

    name = "mute"
    person_id: PersonId


@register
class Unmute(SpaceCommand):
    """The actor opens their own microphone. Refuses: only_self, not_on_stage."""

    name = "unmute"
    person_id: PersonId


@register
class LeaveStage(SpaceCommand):
    """The actor steps down, or a host moves somebody back to the listeners. Refuses: not_host, not_on_stage."""

    name = "leave_stage"
    person_id: PersonId


@register
class RemovePerson(SpaceCommand):
    """A host removes somebody for good. Refuses: not_host, not_allowed (the host, or a co-host by a co-host)."""

    name = "remove_person"
    person_id: PersonId
    explanation: Explanation = ""


class Session(Model):
    """A live presence in a Space: a lease that its holder renews."""

    session_id: SessionId
    role: Role
    lease_seconds: float
    space: Space


@register
class JoinSpace(Command[Session]):
    """Opens a session; anonymous where `actor` is None. Refuses: not_live, removed, blocked, not_allowed.

    Writes nothing to the Space. `session_id` is chosen by the gateway.
    """

    service = "room"
    name = "join_space"
    result = Session
    space_id: SpaceId
    session_id: SessionId
    platform: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,20}$")] = "web"
    source: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")] = "link"

    @property
    def partition_key(self) -> str | None:
        return self.space_id


@register
class LeaveSpace(Command[Nothing]):
    """Closes a session; accepted also where it is already gone. A speaker keeps their place for the grace time."""

    service = "room"
    name = "leave_space"
    result = Nothing
    space_id: SpaceId
    session_id: SessionId

    @property
    def partition_key(self) -> str | None:
        return self.space_id


@register
class React(Command[Nothing]):
    """The actor reacts; counted, never stored. Refuses: not_live, removed, invalid (not on the list)."""

    service = "room"
    name = "react"
    result = Nothing
    space_id: SpaceId
    reaction: Reaction
    skin_tone: Annotated[int, Field(ge=1, le=6)] | None = None
    """Fitzpatrick modifier 1 to 6 where the reaction takes one."""

    @property
    def partition_key(self) -> str | None:
        return self.space_id


@register
class SpaceQuery(Query[Space]):
    """One Space as the actor may see it. Refuses: space_unknown, removed."""

    service = "room"
    name = "space"
    result = Space
    space_id: SpaceId
    follower: bool = False
    """Asked by a service that follows the Space: everything is shown, the request queue and removals included."""

    @property
    def partition_key(self) -> str | None:
        return self.space_id


class Grant(Model):
    """What somebody may do in a Space right now."""

    space_id: SpaceId
    person: PersonRef | None
    role: Role
    may_publish: bool
    muted: bool
    recorded: bool
    captions: bool
    consent_to_recording: bool
    version: int


@register
class AdmitQuery(Query[Grant]):
    """Whether the actor may be connected for listening, or for speaking where `publish`.

    Refuses: space_unknown, not_live, removed, blocked, not_allowed, not_on_stage (publish).
    """

    service = "room"
    name = "admit"
    result = Grant
    space_id: SpaceId
    publish: bool = False

    @property
    def partition_key(self) -> str | None:
        return self.space_id


class Presence(Model):
    """How many are there now, from live leases."""

    space_id: SpaceId
    listeners: int = Field(ge=0)
    on_stage: int = Field(ge=0)


@register
class PresenceQuery(Query[Presence]):
    """How many are in a Space now. Refuses: space_unknown."""

    service = "room"
    name = "presence"
    result = Presence
    space_id: SpaceId

    @property
    def partition_key(self) -> str | None:
        return self.space_id
