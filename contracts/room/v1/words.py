"""The words of the room context, and a Space as it is at one version."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from contracts.envelope import Model, PersonId, PersonRef, SpaceId

Title = Annotated[str, StringConstraints(min_length=1, max_length=70, strip_whitespace=True)]
Topic = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
"""BCP 47 language tag."""
Message = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]
PreviewText = Annotated[str, StringConstraints(max_length=280, strip_whitespace=True)]
Link = Annotated[str, StringConstraints(max_length=2048, pattern=r"^https?://[^\s/?#]+[^\s]*$")]
"""An http or https address."""
PinId = Annotated[str, StringConstraints(pattern=r"^[0-9a-hjkmnp-tv-z]{26}$")]
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


class Kind(StrEnum):
    """What it is for."""

    SPACE = "space"
    """A few talk, any number listens."""
    CONVERSATION = "conversation"
    """Up to 4 people, all on stage, no audience."""


class InvitedTo(StrEnum):
    """What somebody is invited to."""

    SPEAK = "speak"
    """A place on stage; lapses unless it is accepted."""
    JOIN = "join"
    """Being there, where only invited people can join; needs no answer."""


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
    kind: Kind = Kind.SPACE


class StageMember(Model):
    """Somebody with a place on stage."""

    person: PersonRef
    role: Role
    muted: bool = True
    consent_to_recording: bool = True
    joined_at: AwareDatetime
    hand_raised: bool = False
    lost_until: AwareDatetime | None = None
    """Their connection dropped; at this time they lose their place."""


class SpeakRequest(Model):
    """Somebody waiting to speak; the queue is in order of `requested_at`."""

    person: PersonRef
    message: str = ""
    consent_to_recording: bool = True
    requested_at: AwareDatetime
    lost_until: AwareDatetime | None = None
    """Their connection dropped; at this time they lose their place."""


class Invitation(Model):
    """Somebody who was invited on stage and has not answered yet."""

    person: PersonRef
    invited_by: PersonId | None = None
    expires_at: AwareDatetime


class Pin(Model):
    """A link with its preview text, for everybody in the Space."""

    id: PinId
    url: Link
    text: PreviewText = ""
    person: PersonRef
    """Who pinned it."""
    pinned_at: AwareDatetime


class Space(Model):
    """A Space at one version. `requests` and `invitations` hold only what the asker may see; `removed` and `invited`
    are for the hosts."""

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
    invitations: tuple[Invitation, ...] = ()
    invited: tuple[PersonId, ...] = ()
    """Everybody who was ever invited: they may join where only invited people can."""
    pins: tuple[Pin, ...] = ()
