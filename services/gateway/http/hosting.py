"""Who may host: one's own answer, and the operators' policy and list."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from contracts.people.v1 import (
    AllowHosting,
    ChangeHostingPolicy,
    HostingAnswer,
    HostingPolicy,
    HostingPolicyQuery,
    MayHostQuery,
    Platform,
    WithdrawHosting,
)
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, PersonDep, ViewerDep, json_only
from services.gateway.http.parameters import PersonPath
from services.gateway.http.problems import OF_A_PEOPLE_COMMAND, responses

router = APIRouter(dependencies=[Depends(json_only)])

_OPERATOR: Final = responses(*OF_A_PEOPLE_COMMAND, "not_allowed")
PlatformQuery = Annotated[Platform, Query(description="The kind of client one would host with")]


@router.get(
    "/v1/me/hosting", operation_id="mayIHost", tags=["people"],
    responses=responses("unauthenticated", "person_unknown", "invalid"),
)  # fmt: skip
async def may_i_host(person_id: PersonDep, gateway: GatewayDep, platform: PlatformQuery = "web") -> HostingAnswer:
    """Whether one may host, why not, since when, and whether it would be the first time."""
    query = MayHostQuery(actor=person_id, person_id=person_id, platform=platform)
    return await gateway.ask(query)


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
async def allow(person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> None:
    """Put somebody on the list of those who may host."""
    await gateway.ask(AllowHosting(**head.fields, person_id=person_id))


@router.delete(
    "/v1/ops/people/{person_id}/hosting", status_code=204, operation_id="withdrawHosting", tags=["operators"],
    responses=_OPERATOR,
)  # fmt: skip
async def withdraw(person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> None:
    """Take somebody off the list of those who may host."""
    await gateway.ask(WithdrawHosting(**head.fields, person_id=person_id))


@router.get("/v1/ops/hosting-policy", operation_id="getHostingPolicy", tags=["operators"], responses=responses())
async def policy(gateway: GatewayDep) -> HostingPolicy:
    """Who may host; no secret."""
    return await gateway.ask(HostingPolicyQuery())


@body_of(HostingPolicy, "rule", "platforms")
@body_of(ChangeHostingPolicy, "explanation")
class NewPolicy(Body):
    """Who may host from now on."""


@router.put("/v1/ops/hosting-policy", operation_id="changeHostingPolicy", tags=["operators"], responses=_OPERATOR)
async def change_policy(body: NewPolicy, head: HeadDep, gateway: GatewayDep) -> HostingPolicy:
    """Choose who may host from now on."""
    rules = HostingPolicy(**body.of(HostingPolicy))
    return await gateway.ask(ChangeHostingPolicy(**head.fields, policy=rules, **body.of(ChangeHostingPolicy)))
