"""Being in a Space: sessions and reactions. None of this is written to the Space."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.commands import Command, Nothing, register
from contracts.envelope import Model, PersonRef, SessionId, SpaceId
from contracts.room.v1.words import Reaction, Role, Space


class Session(Model):
    """A live presence in a Space: a lease that its holder renews."""

    session_id: SessionId
    role: Role
    lease_seconds: float
    space: Space
    blocked_on_stage: tuple[PersonRef, ...] = ()
    """People on stage whom the asker has blocked: for a warning."""


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
    hidden: bool = False
    """Counted, and on no list: a person may hide which Spaces they listen to."""

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
    """The actor reacts; counted, never stored. Refuses like joining it, and invalid (not on the list)."""

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
