"""Figures of a Space."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from contracts.analytics.v1 import SpaceFigures, SpaceFiguresQuery
from libs.refusal import Refusal
from services.gateway.app.access import look
from services.gateway.http.caller import GatewayDep, PersonDep, ViewerDep, json_only
from services.gateway.http.parameters import SpacePath
from services.gateway.http.problems import responses

router = APIRouter(tags=["spaces", "numbers"], dependencies=[Depends(json_only)])


@router.get(
    "/v1/spaces/{space_id}/analytics", operation_id="getAnalytics",
    responses=responses("unauthenticated", "not_host", "removed", "space_unknown"),
)  # fmt: skip
async def analytics(space_id: SpacePath, person_id: PersonDep, viewer: ViewerDep, gateway: GatewayDep) -> SpaceFigures:
    """Figures of a Space, for its host."""
    space = await look(gateway.bus, space_id, viewer, gateway.ask_seconds)
    if space.host.id != person_id and not viewer.operator:
        raise Refusal("not_host", "Only the host sees the figures of a Space.")
    query = SpaceFiguresQuery(space_id=space_id, actor=person_id, operator=viewer.operator)
    return await gateway.ask(query)
