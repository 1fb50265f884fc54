"""A person's live bar: the live Spaces in which somebody they follow is on stage."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from contracts.discovery.v1 import LiveBarQuery, SpaceCards
from services.gateway.http.caller import GatewayDep, PersonDep, json_only
from services.gateway.http.problems import responses

router = APIRouter(tags=["spaces"], dependencies=[Depends(json_only)])


@router.get("/v1/live-bar", operation_id="getLiveBar", responses=responses("unauthenticated", "invalid"))
async def live_bar(
    person_id: PersonDep, gateway: GatewayDep, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> SpaceCards:
    """Every live Space in which somebody one follows is on stage."""
    query = LiveBarQuery(actor=person_id, limit=limit)
    return await gateway.ask(query)
