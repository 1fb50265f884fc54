"""The stage: microphones, hands, languages, co-hosts, and leaving it."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends

from contracts.room.v1 import (
    AppointCohost,
    ChooseLanguage,
    DismissCohost,
    LeaveStage,
    LowerHand,
    Mute,
    MuteAll,
    RaiseHand,
    Unmute,
)
from services.gateway.app.watched import SpaceView
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, json_only
from services.gateway.http.parameters import PersonPath, SpacePath
from services.gateway.http.problems import OF_A_SPACE_COMMAND, responses

router = APIRouter(tags=["stage"], dependencies=[Depends(json_only)])

_ALL: Final = (*OF_A_SPACE_COMMAND, "removed", "blocked", "suspended")
_STAGE: Final = responses(*OF_A_SPACE_COMMAND, "not_host", "removed", "only_self", "not_on_stage", "not_live")
_COHOSTS: Final = responses(*_ALL, "not_host", "not_on_stage", "not_allowed", "not_live", "too_many_cohosts")


@router.post("/v1/spaces/{space_id}/stage/{person_id}/mute", operation_id="mute", responses=_STAGE)
async def mute(space_id: SpacePath, person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Mute oneself, or as a host anybody."""
    return await gateway.change(Mute(**head.fields, space_id=space_id, person_id=person_id))


@router.post("/v1/spaces/{space_id}/stage/{person_id}/unmute", operation_id="unmute", responses=_STAGE)
async def unmute(space_id: SpacePath, person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Open one's own microphone."""
    return await gateway.change(Unmute(**head.fields, space_id=space_id, person_id=person_id))


@router.delete("/v1/spaces/{space_id}/stage/{person_id}", operation_id="leaveStage", responses=_STAGE)
async def leave_stage(space_id: SpacePath, person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Step down, or as a host move somebody back to the listeners."""
    return await gateway.change(LeaveStage(**head.fields, space_id=space_id, person_id=person_id))


@router.post(
    "/v1/spaces/{space_id}/mute-all", operation_id="muteAll", responses=responses(*_ALL, "not_host", "not_live")
)
async def mute_all(space_id: SpacePath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """A host mutes everybody else on stage."""
    return await gateway.change(MuteAll(**head.fields, space_id=space_id))


@router.put(
    "/v1/spaces/{space_id}/hands/me", operation_id="raiseHand", responses=responses(*_ALL, "not_on_stage", "not_live")
)
async def raise_hand(space_id: SpacePath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Raise a hand; it stays until it is lowered or one unmutes."""
    return await gateway.change(RaiseHand(**head.fields, space_id=space_id))


@router.delete(
    "/v1/spaces/{space_id}/hands/{person_id}", operation_id="lowerHand",
    responses=responses(*_ALL, "not_host", "not_on_stage", "not_live"),
)  # fmt: skip
async def lower_hand(space_id: SpacePath, person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Lower one's hand, or as a host anybody's."""
    return await gateway.change(LowerHand(**head.fields, space_id=space_id, person_id=person_id))


@body_of(ChooseLanguage, "lang")
class OwnLanguage(Body):
    """A BCP 47 tag; `und` or `auto` to have it found out; null for the language of the Space."""


@router.put(
    "/v1/spaces/{space_id}/languages/me", operation_id="chooseLanguage",
    responses=responses(*_ALL, "not_on_stage", "not_live"),
)  # fmt: skip
async def choose_language(space_id: SpacePath, body: OwnLanguage, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Say on stage what one speaks, for one's captions; it holds from what one says next."""
    return await gateway.choose(ChooseLanguage(**head.fields, space_id=space_id, **dict(body)))


@router.put("/v1/spaces/{space_id}/cohosts/{person_id}", operation_id="appointCohost", responses=_COHOSTS)
async def appoint_cohost(space_id: SpacePath, person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """The host makes somebody on stage a co-host."""
    return await gateway.change(AppointCohost(**head.fields, space_id=space_id, person_id=person_id))


@router.delete("/v1/spaces/{space_id}/cohosts/{person_id}", operation_id="dismissCohost", responses=_COHOSTS)
async def dismiss_cohost(space_id: SpacePath, person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """The host makes a co-host a speaker again."""
    return await gateway.change(DismissCohost(**head.fields, space_id=space_id, person_id=person_id))
