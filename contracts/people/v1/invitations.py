"""Invitation codes: on an invite-only instance, signing up takes one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.commands import Command, Query, register
from contracts.envelope import Model
from contracts.times import GivenMoment, Moment
from contracts.written import Written

Code = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{1,40}$")]
"""Read without regard to case and hyphens."""


class InvitationCode(Model):
    """A code and what is left of it."""

    code: str
    uses: int
    used: int = 0
    note: str = ""
    expires_at: Moment | None = None
    revoked: bool = False


class InvitationCodes(Model):
    """Every code, newest first."""

    codes: tuple[InvitationCode, ...] = ()


@register
class IssueInvitation(Command[InvitationCode]):
    """Operators make a code with which `uses` people may sign up. Refuses: not_allowed."""

    service = "people"
    name = "issue_invitation"
    result = InvitationCode
    uses: Annotated[int, Field(ge=1, le=10_000)] = 1
    expires_at: GivenMoment | None = None
    note: Annotated[str, Written(0, 200)] = ""


@register
class RevokeInvitation(Command[InvitationCode]):
    """Operators make a code worthless. Refuses: not_allowed, invitation_unknown."""

    service = "people"
    name = "revoke_invitation"
    result = InvitationCode
    code: Code


@register
class InvitationsQuery(Query[InvitationCodes]):
    """The codes, for operators. Refuses: not_allowed."""

    service = "people"
    name = "invitations"
    result = InvitationCodes
