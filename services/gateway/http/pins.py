"""Pins: links for everybody in a Space."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path

from contracts.room.v1 import PinId, PinLink, Unpin
from services.gateway.app.watched import SpaceView
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, json_only
from services.gateway.http.parameters import SpacePath
from services.gateway.http.problems import OF_A_SPACE_COMMAND, responses

router = APIRouter(tags=["stage"], dependencies=[Depends(json_only)])

PinPath = Annotated[PinId, Path(description="Id of a pin")]
_ALL: Final = (*OF_A_SPACE_COMMAND, "removed", "blocked", "suspended")


@body_of(PinLink, "url", "text")
class NewPin(Body):
    """A link and its preview text."""


@router.post(
    "/v1/spaces/{space_id}/pins", status_code=201, operation_id="pin",
    responses=responses(*_ALL, "not_on_stage", "not_live", "too_many_pins", "already_pinned"),
)  # fmt: skip
async def pin(space_id: SpacePath, body: NewPin, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Pin a link for everybody; for people on stage."""
    pin_id = head.new(f"pin {space_id}")
    return await gateway.change(PinLink(**head.fields, space_id=space_id, pin_id=pin_id, **dict(body)))


@router.delete(
    "/v1/spaces/{space_id}/pins/{pin_id}", operation_id="unpin",
    responses=responses(*_ALL, "not_host", "pin_unknown", "not_live"),
)  # fmt: skip
async def unpin(space_id: SpacePath, pin_id: PinPath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Take a link away: one's own, or as a host any."""
    return await gateway.change(Unpin(**head.fields, space_id=space_id, pin_id=pin_id))
