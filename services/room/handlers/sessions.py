"""Who comes, goes and reacts: sessions, of which nothing is stored."""

from __future__ import annotations

from contracts.commands import Accepted, Nothing
from contracts.envelope import PersonRef
from contracts.room import v1
from libs.bus import Handlers
from services.room.app import Spaces
from services.room.domain import Role, Space
from services.room.handlers.audience import Audience
from services.room.relay import ref, wire_space


def sessions(table: Handlers, spaces: Spaces, audience: Audience) -> None:
    """Join, leave, react."""

    @table.on(v1.JoinSpace)
    async def join(command: v1.JoinSpace) -> Accepted[v1.Session]:
        await spaces.person(command.actor)

        def admitted(space: Space, role: Role) -> tuple[Role, v1.Space, tuple[PersonRef, ...]]:
            blocked = tuple(ref(person) for person in spaces.blocked_on_stage(space, command.actor))
            return role, wire_space(space, command.actor), blocked

        role, space, blocked = await spaces.admit(command.space_id, command.actor, admitted)
        audience.joined(command, role)
        session = v1.Session(
            session_id=command.session_id,
            role=v1.Role(role),
            lease_seconds=audience.lease_seconds,
            space=space,
            blocked_on_stage=blocked,
        )
        return Accepted(version=space.version, result=session)

    @table.on(v1.LeaveSpace)
    async def leave(command: v1.LeaveSpace) -> Nothing:
        audience.left(command.space_id, command.session_id, command.actor)
        return Nothing()

    @table.on(v1.React)
    async def react(command: v1.React) -> Nothing:
        await spaces.admit(command.space_id, command.actor, lambda _, role: role)
        audience.reacted(command)
        return Nothing()
