"""What a person keeps to themself, whom they block, whether they may host; and the operators' rules about that."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, Field

from contracts.people.v1 import (
    AllowHosting,
    Block,
    ChangeHostingPolicy,
    ChangePrivacy,
    Code,
    Explanation,
    HostingAnswer,
    HostingPolicy,
    HostingPolicyQuery,
    HostingRule,
    InvitationCode,
    InvitationCodes,
    InvitationsQuery,
    IssueInvitation,
    MayHostQuery,
    Person,
    Platform,
    PlatformRule,
    RevokeInvitation,
    Unblock,
    WithdrawHosting,
)
from services.gateway.http.caller import GatewayDep, OrderDep, PersonDep, ViewerDep
from services.gateway.http.models import Body
from services.gateway.http.people import PersonPath
from services.gateway.http.problems import json_only, responses

router = APIRouter(dependencies=[Depends(json_only)])

_COMMAND = ("unauthenticated", "suspended", "person_unknown", "idempotency_conflict", "invalid", "too_many_requests")
_OPERATOR = responses(*_COMMAND, "not_allowed")
PlatformQuery = Annotated[Platform, Query(description="The kind of client one would host with")]


class NewPrivacy(Body):
    """What is left out stays as it is."""

    protected: bool | None = None
    hides_listening: bool | None = None


class NewPolicy(Body):
    """Who may host from now on."""

    rule: HostingRule = HostingRule()
    platforms: Annotated[tuple[PlatformRule, ...], Field(max_length=20)] = ()
    explanation: Explanation = ""


class NewCode(Body):
    """A code with which `uses` people may sign up."""

    uses: Annotated[int, Field(ge=1, le=10_000)] = 1
    expires_at: AwareDatetime | None = None
    note: Annotated[str, Field(max_length=200)] = ""


@router.put("/v1/me/privacy", operation_id="changePrivacy", tags=["people"], responses=responses(*_COMMAND))
async def privacy(body: NewPrivacy, order: OrderDep, gateway: GatewayDep) -> Person:
    """Protect one's account, or hide which Spaces one listens to."""
    command = ChangePrivacy(
        command_id=order.command_id, actor=order.actor, protected=body.protected, hides_listening=body.hides_listening
    )
    return await gateway.ask(command)


_BLOCKING = responses(*_COMMAND, "not_allowed")


@router.put("/v1/me/blocked/{person_id}", status_code=204, operation_id="block", tags=["people"], responses=_BLOCKING)
async def block(person_id: PersonPath, order: OrderDep, gateway: GatewayDep) -> None:
    """Block somebody: neither joins the other's Spaces. Again is fine."""
    command = Block(command_id=order.command_id, actor=order.actor, blocked_id=person_id)
    await gateway.ask(command)


@router.delete(
    "/v1/me/blocked/{person_id}", status_code=204, operation_id="unblock", tags=["people"], responses=_BLOCKING
)
async def unblock(person_id: PersonPath, order: OrderDep, gateway: GatewayDep) -> None:
    """Lift a block; fine also where there is none."""
    command = Unblock(command_id=order.command_id, actor=order.actor, blocked_id=person_id)
    await gateway.ask(command)


@router.get(
    "/v1/me/hosting", operation_id="mayIHost", tags=["people"],
    responses=responses("unauthenticated", "person_unknown", "invalid"),
)  # fmt: skip
async def may_i_host(person_id: PersonDep, gateway: GatewayDep, platform: PlatformQuery = "web") -> HostingAnswer:
    """Whether one may host, why not, since when, and whether it would be the first time."""
    query = MayHostQuery(actor=person_id, person_id=person_id, platform=platform)
    return await gateway.ask(query)


# -- operators -------------------------------------------------------------------------------------------------------


@router.get(
    "/v1/ops/people/{person_id}/hosting", operation_id="mayTheyHost", tags=["operators"],
    responses=responses("unauthenticated", "not_allowed", "person_unknown", "invalid"),
)  # fmt: skip
async def may_they_host(
    person_id: PersonPath, viewer: ViewerDep, gateway: GatewayDep, platform: PlatformQuery = "web"
) -> HostingAnswer:
    """Whether somebody may host."""
    query = MayHostQuery(actor=viewer.person_id, operator=viewer.operator, person_id=person_id, platform=platform)
    return await gateway.ask(query)


@router.put(
    "/v1/ops/people/{person_id}/hosting", status_code=204, operation_id="allowHosting", tags=["operators"],
    responses=_OPERATOR,
)  # fmt: skip
async def allow(person_id: PersonPath, order: OrderDep, gateway: GatewayDep) -> None:
    """Put somebody on the list of those who may host."""
    await gateway.ask(AllowHosting(**order.head, person_id=person_id))


@router.delete(
    "/v1/ops/people/{person_id}/hosting", status_code=204, operation_id="withdrawHosting", tags=["operators"],
    responses=_OPERATOR,
)  # fmt: skip
async def withdraw(person_id: PersonPath, order: OrderDep, gateway: GatewayDep) -> None:
    """Take somebody off the list of those who may host."""
    await gateway.ask(WithdrawHosting(**order.head, person_id=person_id))


@router.get("/v1/ops/hosting-policy", operation_id="getHostingPolicy", tags=["operators"], responses=responses())
async def policy(gateway: GatewayDep) -> HostingPolicy:
    """Who may host; no secret."""
    return await gateway.ask(HostingPolicyQuery())


@router.put("/v1/ops/hosting-policy", operation_id="changeHostingPolicy", tags=["operators"], responses=_OPERATOR)
async def change_policy(body: NewPolicy, order: OrderDep, gateway: GatewayDep) -> HostingPolicy:
    """Choose who may host from now on."""
    rules = HostingPolicy(rule=body.rule, platforms=body.platforms)
    return await gateway.ask(ChangeHostingPolicy(**order.head, policy=rules, explanation=body.explanation))


@router.get(
    "/v1/ops/invitations", operation_id="getInvitations", tags=["operators"],
    responses=responses("unauthenticated", "not_allowed"),
)  # fmt: skip
async def invitations(viewer: ViewerDep, gateway: GatewayDep) -> InvitationCodes:
    """The codes to sign up with."""
    query = InvitationsQuery(actor=viewer.person_id, operator=viewer.operator)
    return await gateway.ask(query)


@router.post(
    "/v1/ops/invitations", status_code=201, operation_id="issueInvitation", tags=["operators"], responses=_OPERATOR
)
async def issue(body: NewCode, order: OrderDep, gateway: GatewayDep) -> InvitationCode:
    """Make a code to sign up with."""
    return await gateway.ask(IssueInvitation(**order.head, **dict(body)))


@router.delete(
    "/v1/ops/invitations/{code}", operation_id="revokeInvitation", tags=["operators"],
    responses=responses(*_COMMAND, "not_allowed", "invitation_unknown"),
)  # fmt: skip
async def revoke(
    code: Annotated[Code, Path(description="A code")], order: OrderDep, gateway: GatewayDep
) -> InvitationCode:
    """Make a code worthless."""
    return await gateway.ask(RevokeInvitation(**order.head, code=code))
