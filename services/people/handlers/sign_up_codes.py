"""Invitation codes."""

from __future__ import annotations

from contracts.commands import Accepted
from contracts.people import v1
from libs.bus import Handlers
from libs.commands import Executor
from services.people.app.sign_up_codes import Issued, SignUpCodes
from services.people.domain.entities import Entity
from services.people.handlers.access import operators_only


def add(table: Handlers, executor: Executor[Entity], codes: SignUpCodes) -> None:
    """Answer for invitation codes."""

    @table.on(v1.IssueInvitation)
    async def issue(command: v1.IssueInvitation) -> Accepted[v1.InvitationCode]:
        operators_only(command)
        issued = await codes.issue(executor.order(command), command.uses, command.expires_at, command.note)
        return Accepted(result=_code(issued))

    @table.on(v1.RevokeInvitation)
    async def revoke(command: v1.RevokeInvitation) -> Accepted[v1.InvitationCode]:
        operators_only(command)
        return Accepted(result=_code(await codes.revoke(executor.order(command), command.code)))

    @table.on(v1.InvitationsQuery)
    async def invitations(query: v1.InvitationsQuery) -> Accepted[v1.InvitationCodes]:
        operators_only(query)
        return Accepted(result=v1.InvitationCodes(codes=tuple(_code(one) for one in await codes.all())))


def _code(issued: Issued) -> v1.InvitationCode:
    return v1.InvitationCode(
        code=issued.code,
        uses=issued.uses,
        used=issued.used,
        note=issued.note,
        expires_at=issued.expires_at,
        revoked=issued.revoked,
    )
