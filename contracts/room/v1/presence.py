"""Being in a Space: sessions and reactions. None of this is written to the Space."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.commands import Command, Nothing, register
from contracts.envelope import Model, PersonRef, SessionId, SpaceId
from contracts.room.v1.space import Space
from contracts.room.v1.values import Reaction, Role


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
    replaces: SessionId | None = None
    """An anonymous session of theirs there, which ends with this: they have signed up. Its connections keep this one
    alive from now on."""

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
    """The actor reacts; counted, never stored. Refuses like joining it, not_in_space (no live session), and
    invalid (not on the list, or with a skin tone that it does not take)."""

    service = "room"
    name = "react"
    result = Nothing
    space_id: SpaceId
    reaction: Reaction
    skin_tone: Annotated[int, Field(ge=1, le=6)] | None = None
    """Fitzpatrick type where the reaction is a hand. Unicode has five modifiers, U+1F3FB to U+1F3FF: 1 counts as 2."""

    @property
    def partition_key(self) -> str | None:
        return self.space_id
