"""Who comes, goes and reacts: sessions, of which nothing is stored."""

from __future__ import annotations

from contracts.commands import Accepted, Nothing
from contracts.envelope import PersonRef
from contracts.room import v1
from libs.bus import Handlers
from libs.keyring.vault import Vault
from libs.names import Who
from services.room.app.admission import Admission
from services.room.app.attendance import Attendance
from services.room.app.stage_entrance import StageEntrance
from services.room.domain.space import Space
from services.room.domain.values import Role
from services.room.translation import ref, wire_space


def sessions(
    table: Handlers, admission: Admission, entrance: StageEntrance, attendance: Attendance, who: Who, vault: Vault
) -> None:
    """Join, leave, react."""

    @table.on(v1.JoinSpace)
    async def join(command: v1.JoinSpace) -> Accepted[v1.Session]:
        await admission.person(command.actor)

        def admitted(space: Space, role: Role) -> tuple[Role, v1.Space, tuple[PersonRef, ...]]:
            blocked = tuple(ref(who(person.id)) for person in admission.blocked_on_stage(space, command.actor))
            return role, wire_space(space, who, vault.of(space.id), command.actor), blocked

        inside = attendance.is_in(command.space_id, command.actor, command.replaces)
        role, space, blocked = await admission.admit(command.space_id, command.actor, admitted, inside=inside)
        attendance.joined(command, role)
        session = v1.Session(
            session_id=command.session_id,
            role=v1.Role(role),
            lease_seconds=attendance.lease_seconds,
            space=space,
            blocked_on_stage=blocked,
        )
        return Accepted(version=space.version, result=session)

    @table.on(v1.LeaveSpace)
    async def leave(command: v1.LeaveSpace) -> Nothing:
        if attendance.left(command.space_id, command.session_id, command.actor) and command.actor is not None:
            await entrance.leave_queue(command.space_id, command.actor)
        return Nothing()

    @table.on(v1.React)
    async def react(command: v1.React) -> Nothing:
        inside = attendance.is_in(command.space_id, command.actor)
        await admission.admit(command.space_id, command.actor, lambda _, role: role, inside=inside)
        attendance.must_be_there(command.space_id, command.actor)
        attendance.reactions.add(command)
        return Nothing()
