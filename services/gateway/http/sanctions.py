"""What operators do to people and Spaces: suspending, reinstating, removing a picture, and ending a Space."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends

from contracts.people.v1 import OrderSpaceEnd, Reinstate, Suspend, TakePictureAway
from contracts.room.v1 import EndSpace
from services.gateway.app.watched import SpaceView
from services.gateway.http.bodies import Because, Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, json_only
from services.gateway.http.parameters import PersonPath, SpacePath
from services.gateway.http.problems import OF_A_COMMAND, responses

router = APIRouter(tags=["operators"], dependencies=[Depends(json_only)])

_ALL: Final = (*OF_A_COMMAND, "suspended", "not_allowed")


@body_of(Suspend, "reason", "explanation", "report_id", "until")
class NewSuspension(Body):
    """Why somebody is suspended, and for how long."""


@router.post(
    "/v1/ops/people/{person_id}/suspend", status_code=204, operation_id="suspend",
    responses=responses(*_ALL, "person_unknown", "report_unknown"),
)  # fmt: skip
async def suspend(person_id: PersonPath, body: NewSuspension, head: HeadDep, gateway: GatewayDep) -> None:
    """Refuse somebody everywhere, at once."""
    await gateway.ask(Suspend(**head.fields, person_id=person_id, **dict(body)))


@router.post(
    "/v1/ops/people/{person_id}/reinstate", status_code=204, operation_id="reinstate",
    responses=responses(*_ALL, "person_unknown"),
)  # fmt: skip
async def reinstate(person_id: PersonPath, head: HeadDep, gateway: GatewayDep, body: Because | None = None) -> None:
    """End somebody's suspension."""
    await gateway.ask(Reinstate(**head.fields, person_id=person_id, **dict(body or Because())))


@router.delete(
    "/v1/ops/people/{person_id}/picture", status_code=204, operation_id="takePictureAway",
    responses=responses(*_ALL, "person_unknown"),
)  # fmt: skip
async def take_picture_away(
    person_id: PersonPath, head: HeadDep, gateway: GatewayDep, body: Because | None = None
) -> None:
    """Remove somebody's picture, for good: it is shown nowhere from then on. They may have another one."""
    await gateway.ask(TakePictureAway(**head.fields, person_id=person_id, **dict(body or Because())))


@body_of(OrderSpaceEnd, "reason", "explanation", "report_id")
class Sanction(Body):
    """Why an act is done to somebody or to a Space, and the report that is answered by it."""


@router.post(
    "/v1/ops/spaces/{space_id}/end", operation_id="endSpaceByPlatform",
    responses=responses(*_ALL, "space_unknown", "report_unknown", "not_live"),
)  # fmt: skip
async def end(space_id: SpacePath, body: Sanction, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """End a Space, at once."""
    # What and why goes on the log first; sent again with the same key, what is missing is done.
    await gateway.ask(OrderSpaceEnd(**head.fields, space_id=space_id, **dict(body)))
    return await gateway.change(EndSpace(**head.fields, space_id=space_id))
