"""Questions about a Space."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.commands import Query, register
from contracts.envelope import Model, PersonRef, SpaceId
from contracts.room.v1.words import Role, Space, Topic


@register
class SpaceQuery(Query[Space]):
    """One Space as the actor may see it. Refuses: space_unknown, removed, blocked, suspended."""

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
    blocked_on_stage: tuple[PersonRef, ...] = ()
    """People on stage whom the asker has blocked: they are warned before they join."""


@register
class AdmitQuery(Query[Grant]):
    """Whether the actor may be connected for listening, or for speaking where `publish`; or, `looking_back`, see what
    is kept of the Space, which need not be live any more.

    Refuses: space_unknown, not_live, removed, blocked, not_allowed, not_on_stage (publish).
    """

    service = "room"
    name = "admit"
    result = Grant
    space_id: SpaceId
    publish: bool = False
    looking_back: bool = False

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


class Participant(Model):
    """Somebody who is there now."""

    person: PersonRef
    role: Role


class Participants(Model):
    """A page of who is there, each person once; anonymous and hidden people are only counted."""

    space_id: SpaceId
    people: tuple[Participant, ...] = ()
    listeners: int = Field(default=0, ge=0)
    """All listeners, also those on no list."""
    next: str | None = None
    """Where the next page begins; None on the last."""


@register
class ParticipantsQuery(Query[Participants]):
    """Who is in a Space now, in order of their ids, a page at a time. Refuses like joining it."""

    service = "room"
    name = "participants"
    result = Participants
    space_id: SpaceId
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{0,26}$")] = ""
    """`next` of the page before."""

    @property
    def partition_key(self) -> str | None:
        return self.space_id


class Topics(Model):
    """The list of topics a Space may be about."""

    topics: tuple[Topic, ...]


@register
class TopicsQuery(Query[Topics]):
    """What a Space may be about."""

    service = "room"
    name = "topics"
    result = Topics
