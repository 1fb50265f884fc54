"""Requests to speak: asking, and being let in."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends

from contracts.room.v1 import AcceptRequest, CancelRequest, DeclineRequest, RequestToSpeak
from services.gateway.app.watched import SpaceView
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, json_only
from services.gateway.http.parameters import PersonPath, SpacePath
from services.gateway.http.problems import OF_A_SPACE_COMMAND, responses

router = APIRouter(tags=["stage"], dependencies=[Depends(json_only)])

_HOSTS: Final = responses(*OF_A_SPACE_COMMAND, "not_host", "removed", "request_unknown", "stage_full", "not_live")


@body_of(RequestToSpeak, "message", "consent_to_recording")
class NewRequest(Body):
    """Asking to speak. Without consent one is heard live, and is in no recording and no transcript."""


@router.post(
    "/v1/spaces/{space_id}/requests", status_code=202, operation_id="requestToSpeak",
    responses=responses(
        *OF_A_SPACE_COMMAND, "not_live", "removed", "blocked", "not_allowed", "person_unknown", "already_on_stage",
        "already_requested", "stage_full", "queue_full", "not_in_space",
    ),
)  # fmt: skip
async def ask_to_speak(
    space_id: SpacePath, head: HeadDep, gateway: GatewayDep, body: NewRequest | None = None
) -> SpaceView:
    """Ask to speak."""
    return await gateway.change(RequestToSpeak(**head.fields, space_id=space_id, **dict(body or NewRequest())))


@router.delete(
    "/v1/spaces/{space_id}/requests/me", operation_id="cancelRequest",
    responses=responses(*OF_A_SPACE_COMMAND, "removed", "request_unknown", "not_live"),
)  # fmt: skip
async def cancel_request(space_id: SpacePath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Leave the queue."""
    return await gateway.change(CancelRequest(**head.fields, space_id=space_id))


@router.post("/v1/spaces/{space_id}/requests/{person_id}/accept", operation_id="acceptRequest", responses=_HOSTS)
async def accept(space_id: SpacePath, person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Let somebody in."""
    return await gateway.change(AcceptRequest(**head.fields, space_id=space_id, person_id=person_id))


@router.post("/v1/spaces/{space_id}/requests/{person_id}/decline", operation_id="declineRequest", responses=_HOSTS)
async def decline(space_id: SpacePath, person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Say no."""
    return await gateway.change(DeclineRequest(**head.fields, space_id=space_id, person_id=person_id))
