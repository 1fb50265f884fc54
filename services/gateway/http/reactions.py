"""Reactions: which there are, and sending one."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from contracts.room.v1 import React, Reactions, ReactionsQuery
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, json_only
from services.gateway.http.parameters import SpacePath
from services.gateway.http.problems import OF_A_SPACE_COMMAND, responses

router = APIRouter(tags=["stage"], dependencies=[Depends(json_only)])


@body_of(React, "reaction", "skin_tone")
class NewReaction(Body):
    """One of the configured reactions; a skin tone (Fitzpatrick modifier) where it takes one."""


@router.post(
    "/v1/spaces/{space_id}/reactions", status_code=202, operation_id="react",
    responses=responses(*OF_A_SPACE_COMMAND, "removed", "not_allowed", "not_in_space", "not_live"),
)  # fmt: skip
async def react(space_id: SpacePath, body: NewReaction, head: HeadDep, gateway: GatewayDep) -> None:
    """React."""
    await gateway.ask(React(**head.fields, space_id=space_id, **dict(body)))


@router.get("/v1/reactions", operation_id="reactions", responses=responses("invalid"))
async def reactions(gateway: GatewayDep) -> Reactions:
    """How one can react."""
    return await gateway.ask(ReactionsQuery())
