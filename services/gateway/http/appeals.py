"""Appeals of suspended people, and the operators' answers."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import Field

from contracts.people.v1 import Appeal, Appeals, AppealsQuery, AppealState, AppealText, DecideAppeal, LodgeAppeal
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import (
    GatewayDep,
    HeadDep,
    PersonDep,
    SuspendedHeadDep,
    SuspendedPersonDep,
    ViewerDep,
    json_only,
)
from services.gateway.http.parameters import CursorQuery, LimitQuery, PersonPath
from services.gateway.http.problems import OF_A_COMMAND, responses

router = APIRouter(dependencies=[Depends(json_only)])

_LOOK: Final = responses("unauthenticated", "not_allowed", "invalid")


@router.get(
    "/v1/me/appeals", operation_id="getMyAppeals", tags=["moderation"],
    responses=responses("unauthenticated", "not_allowed", "invalid", standing=False),
)  # fmt: skip
async def my_appeals(person_id: SuspendedPersonDep, gateway: GatewayDep) -> Appeals:
    """One's appeals, newest first."""
    return await gateway.ask(AppealsQuery(actor=person_id, person_id=person_id))


class NewAppeal(Body):
    """What one has to say about one's suspension."""

    text: Annotated[AppealText, Field(json_schema_extra={"pattern": r"\S"})]
    """As in the command, which strips it first: said here so that the document tells that spaces alone say nothing."""


@router.post(
    "/v1/me/appeals", status_code=201, operation_id="appeal", tags=["moderation"],
    responses=responses(*OF_A_COMMAND, "suspended", "person_unknown", "wrong_state"),
)  # fmt: skip
async def appeal(body: NewAppeal, head: SuspendedHeadDep, gateway: GatewayDep) -> Appeal:
    """Appeal against one's suspension, once."""
    return await gateway.ask(LodgeAppeal(**head.fields, **dict(body)))


@router.get("/v1/ops/moderation/appeals", operation_id="getAppeals", tags=["operators"], responses=_LOOK)
async def appeals(
    viewer: ViewerDep,
    person_id: PersonDep,
    gateway: GatewayDep,
    state: AppealState | None = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = 50,
) -> Appeals:
    """Appeals, newest first; those who are no operators see their own."""
    query = AppealsQuery(actor=person_id, operator=viewer.operator, state=state, cursor=cursor, limit=limit)
    return await gateway.ask(query)


@body_of(DecideAppeal, "granted", "answer")
class Verdict(Body):
    """The answer to an appeal."""


@router.post(
    "/v1/ops/moderation/appeals/{person_id}", operation_id="decideAppeal", tags=["operators"],
    responses=responses(*OF_A_COMMAND, "suspended", "not_allowed", "person_unknown", "wrong_state"),
)  # fmt: skip
async def decide(person_id: PersonPath, body: Verdict, head: HeadDep, gateway: GatewayDep) -> Appeal:
    """Grant somebody's open appeal, which ends their suspension, or reject it."""
    return await gateway.ask(DecideAppeal(**head.fields, person_id=person_id, **dict(body)))
