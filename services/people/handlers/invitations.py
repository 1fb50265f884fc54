"""Invitation codes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from contracts.commands import Accepted
from contracts.people import v1
from libs.bus import Handlers
from services.people.app import Codes, Issued
from services.people.handlers.order import operators_only, whole


def add(table: Handlers, codes: Codes, now: Callable[[], datetime]) -> None:
    """Answer for invitation codes."""

    @table.on(v1.IssueInvitation)
    async def issue(command: v1.IssueInvitation) -> Accepted[v1.InvitationCode]:
        operators_only(command)
        issued = await codes.issue(whole(command, now()), command.uses, command.expires_at, command.note)
        return Accepted(result=_code(issued))

    @table.on(v1.RevokeInvitation)
    async def revoke(command: v1.RevokeInvitation) -> Accepted[v1.InvitationCode]:
        operators_only(command)
        return Accepted(result=_code(await codes.revoke(whole(command, now()), command.code)))

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
