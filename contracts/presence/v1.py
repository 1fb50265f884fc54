"""Who is there: facts of the moment, derived from session leases. Never stored in the Space's aggregate."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from contracts.envelope import Audience, Event, Model, PersonId, SessionId, SpaceId, event
from contracts.times import Moment


class PresenceEvent(Event):
    """Belongs to a Space."""

    space_id: SpaceId


@event("presence", "joined", Audience.OPERATORS)
class Joined(PresenceEvent):
    """A session opened and has a media connection or an event stream. `person_id` is None for an anonymous listener."""

    session_id: SessionId
    person_id: PersonId | None = None
    role: str = "listener"
    platform: str = "web"
    source: str = "link"
    continues: SessionId | None = None
    """The anonymous session which this one took over from: the same listener, who has signed up."""


@event("presence", "left", Audience.OPERATORS)
class Left(PresenceEvent):
    """A session that had joined closed, or its lease ran out (`lapsed`)."""

    session_id: SessionId
    person_id: PersonId | None = None
    joined_at: Moment
    seconds: float = Field(ge=0)
    lapsed: bool = False


@event("presence", "counted", Audience.PUBLIC)
class Counted(PresenceEvent):
    """How many are there, from live leases; at most once a second per Space, and when it changed. Listeners count while
    they have a media connection or an event stream."""

    listeners: int = Field(ge=0)
    on_stage: int = Field(ge=0)


@event("presence", "reacted", Audience.PUBLIC)
class Reacted(PresenceEvent):
    """Reactions since the last such event (about 250 ms), counted by kind."""

    counts: dict[str, int]
    """By `<reaction>`, or `<reaction>:<skin tone>` where one was given."""
    window_ms: int = Field(ge=0)


class Lease(Model):
    """One session that its holder says is alive."""

    space_id: SpaceId
    session_id: SessionId
    person_id: PersonId | None = None
    joined_at: AwareDatetime
    """In UTC, as the gateway's clock has it. Thousands of leases come every second, so that nothing converts it."""
    platform: str = "web"
    source: str = "link"
    hidden: bool = False
    """Counted, and on no list of participants."""


class Ended(Model):
    """One session that its holder keeps alive no longer."""

    space_id: SpaceId
    session_id: SessionId


class Renewal(Model):
    """Sent on `subjects.presence(partition)` every few seconds by gateway and media: all their live sessions there."""

    holder: str
    """Instance id of the sender, who keeps these sessions alive and has them count. Empty where only their clients said
    that they are there."""
    leases: tuple[Lease, ...] = Field(max_length=1000)
    ended: tuple[Ended, ...] = Field(default=(), max_length=1000)
    """Sessions that this holder has just let go of, because their client hung up: where nobody else holds them they
    are over."""
