"""Whom one follows, and whom one blocks."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends

from contracts.people.v1 import Block, Follow, Unblock, Unfollow
from services.gateway.http.caller import GatewayDep, HeadDep, json_only
from services.gateway.http.parameters import PersonPath
from services.gateway.http.problems import OF_A_COMMAND, OF_A_PEOPLE_COMMAND, responses

router = APIRouter(tags=["people"], dependencies=[Depends(json_only)])

_FOLLOWING: Final = responses(*OF_A_COMMAND, "not_allowed", "person_unknown")
_BLOCKING: Final = responses(*OF_A_PEOPLE_COMMAND, "not_allowed")


@router.put("/v1/me/following/{person_id}", status_code=204, operation_id="follow", responses=_FOLLOWING)
async def follow(person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> None:
    """Follow somebody; again is fine."""
    await gateway.ask(Follow(**head.fields, followee_id=person_id))


@router.delete("/v1/me/following/{person_id}", status_code=204, operation_id="unfollow", responses=_FOLLOWING)
async def unfollow(person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> None:
    """Follow somebody no longer; fine also where one did not."""
    await gateway.ask(Unfollow(**head.fields, followee_id=person_id))


@router.put("/v1/me/blocked/{person_id}", status_code=204, operation_id="block", responses=_BLOCKING)
async def block(person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> None:
    """Block somebody: neither joins the other's Spaces. Again is fine."""
    await gateway.ask(Block(**head.fields, blocked_id=person_id))


@router.delete("/v1/me/blocked/{person_id}", status_code=204, operation_id="unblock", responses=_BLOCKING)
async def unblock(person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> None:
    """Lift a block; fine also where there is none."""
    await gateway.ask(Unblock(**head.fields, blocked_id=person_id))
