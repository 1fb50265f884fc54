"""The stage: requests to speak, microphones, removals, reactions."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from contracts.room.v1 import (
    AcceptRequest,
    CancelRequest,
    DeclineRequest,
    LeaveStage,
    Mute,
    React,
    RemovePerson,
    RequestToSpeak,
    Unmute,
)
from services.gateway.app.views import SpaceView
from services.gateway.http.caller import GatewayDep, OrderDep
from services.gateway.http.models import NewReaction, NewRemoval, NewRequest
from services.gateway.http.people import PersonPath
from services.gateway.http.problems import json_only, responses
from services.gateway.http.spaces import COMMAND, SpacePath, commanded

router = APIRouter(tags=["stage"], dependencies=[Depends(json_only)])


@router.post(
    "/v1/spaces/{space_id}/requests", status_code=202, operation_id="requestToSpeak",
    responses=responses(
        *COMMAND, "not_live", "removed", "blocked", "not_allowed", "person_unknown", "already_on_stage",
        "already_requested", "stage_full",
    ),
)  # fmt: skip
async def ask_to_speak(
    space_id: SpacePath, order: OrderDep, gateway: GatewayDep, body: NewRequest | None = None
) -> SpaceView:
    """Ask to speak."""
    body = body or NewRequest()
    return await commanded(
        gateway,
        RequestToSpeak(
            command_id=order.command_id,
            actor=order.actor,
            space_id=space_id,
            message=body.message,
            consent_to_recording=body.consent_to_recording,
        ),
    )


@router.delete(
    "/v1/spaces/{space_id}/requests/me", operation_id="cancelRequest",
    responses=responses(*COMMAND, "removed", "request_unknown", "not_live"),
)  # fmt: skip
async def cancel_request(space_id: SpacePath, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """Leave the queue."""
    return await commanded(gateway, CancelRequest(command_id=order.command_id, actor=order.actor, space_id=space_id))


_HOSTS = responses(*COMMAND, "not_host", "removed", "request_unknown", "stage_full", "not_live")


@router.post("/v1/spaces/{space_id}/requests/{person_id}/accept", operation_id="acceptRequest", responses=_HOSTS)
async def accept(space_id: SpacePath, person_id: PersonPath, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """Let somebody in."""
    return await commanded(
        gateway,
        AcceptRequest(
            command_id=order.command_id,
            actor=order.actor,
            operator=order.operator,
            space_id=space_id,
            person_id=person_id,
        ),
    )


@router.post("/v1/spaces/{space_id}/requests/{person_id}/decline", operation_id="declineRequest", responses=_HOSTS)
async def decline(space_id: SpacePath, person_id: PersonPath, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """Say no."""
    return await commanded(
        gateway,
        DeclineRequest(
            command_id=order.command_id,
            actor=order.actor,
            operator=order.operator,
            space_id=space_id,
            person_id=person_id,
        ),
    )


_STAGE = responses(*COMMAND, "not_host", "removed", "only_self", "not_on_stage", "not_live")


@router.post("/v1/spaces/{space_id}/stage/{person_id}/mute", operation_id="mute", responses=_STAGE)
async def mute(space_id: SpacePath, person_id: PersonPath, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """Mute oneself, or as a host anybody."""
    return await commanded(
        gateway,
        Mute(
            command_id=order.command_id,
            actor=order.actor,
            operator=order.operator,
            space_id=space_id,
            person_id=person_id,
        ),
    )


@router.post("/v1/spaces/{space_id}/stage/{person_id}/unmute", operation_id="unmute", responses=_STAGE)
async def unmute(space_id: SpacePath, person_id: PersonPath, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """Open one's own microphone."""
    return await commanded(
        gateway, Unmute(command_id=order.command_id, actor=order.actor, space_id=space_id, person_id=person_id)
    )


@router.delete("/v1/spaces/{space_id}/stage/{person_id}", operation_id="leaveStage", responses=_STAGE)
async def leave_stage(space_id: SpacePath, person_id: PersonPath, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """Step down, or as a host move somebody back to the listeners."""
    return await commanded(
        gateway,
        LeaveStage(
            command_id=order.command_id,
            actor=order.actor,
            operator=order.operator,
            space_id=space_id,
            person_id=person_id,
        ),
    )


@router.post(
    "/v1/spaces/{space_id}/removals", operation_id="removePerson",
    responses=responses(*COMMAND, "not_host", "not_allowed", "removed", "person_unknown", "not_live"),
)  # fmt: skip
async def remove(space_id: SpacePath, body: NewRemoval, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """Remove somebody for good."""
    return await commanded(
        gateway,
        RemovePerson(
            command_id=order.command_id,
            actor=order.actor,
            operator=order.operator,
            space_id=space_id,
            person_id=body.person_id,
            explanation=body.reason,
        ),
    )


@router.post(
    "/v1/spaces/{space_id}/reactions", status_code=202, operation_id="react",
    responses=responses(*COMMAND, "removed", "not_allowed", "not_in_space", "not_live"),
)  # fmt: skip
async def react(space_id: SpacePath, body: NewReaction, order: OrderDep, gateway: GatewayDep) -> None:
    """React."""
    command = React(
        command_id=order.command_id,
        actor=order.actor,
        space_id=space_id,
        reaction=body.reaction,
        skin_tone=body.skin_tone,
    )
    await gateway.bus.ask(command, timeout=gateway.ask_seconds)
