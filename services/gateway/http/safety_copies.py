"""Safety copies: what operators may hear of a Space because of a report, deleted or not. Every look is on the log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from contracts.people.v1 import ReportId
from contracts.recording.v1 import HearSafetyCopy, Replay
from libs.refusal import Refusal
from services.gateway.app import Gateway
from services.gateway.app.visibility import Viewer
from services.gateway.http.caller import GatewayDep, LinkViewerDep, derived_id
from services.gateway.http.parameters import PersonPath, SpacePath
from services.gateway.http.problems import responses
from services.gateway.http.stored_audio import serve_mix, serve_track

router = APIRouter(tags=["operators"])

ReportQuery = Annotated[ReportId, Query(alias="report", description="The open report that it is heard for")]
_REFUSED: Final = ("unauthenticated", "suspended", "not_allowed", "replay_unknown", "report_unknown", "invalid")
_AUDIO: Final[dict[int | str, dict[str, Any]]] = {
    **responses(*_REFUSED, "precondition_failed", "range_not_satisfiable"),
    206: {"description": "The part that was asked for"},
    304: {"description": "Unchanged"},
}


async def _hear(gateway: Gateway, viewer: Viewer, space_id: str, report_id: str) -> Replay:
    """What is kept. All that one operator asks for within an hour is one look."""
    if viewer.person_id is None:
        raise Refusal("unauthenticated", "Sign in first.")
    hour = datetime.now(UTC).strftime("%Y%m%d%H")
    command = HearSafetyCopy(
        command_id=derived_id("hear", viewer.person_id, space_id, report_id, hour),
        actor=viewer.person_id,
        operator=viewer.operator,
        space_id=space_id,
        report_id=report_id,
    )
    return await gateway.ask(command)


@router.get(
    "/v1/ops/spaces/{space_id}/safety-copy.m4a", operation_id="hearSafetyCopy", response_class=Response,
    responses=_AUDIO,
)  # fmt: skip
async def mix(
    request: Request, space_id: SpacePath, report_id: ReportQuery, viewer: LinkViewerDep, gateway: GatewayDep
) -> Response:
    """The mix; ranges are served."""
    return await serve_mix(request, gateway, await _hear(gateway, viewer, space_id, report_id))


@router.get(
    "/v1/ops/spaces/{space_id}/safety-copy/{person_id}.ogg", operation_id="hearSafetyCopyOf", response_class=Response,
    responses=_AUDIO,
)  # fmt: skip
async def track(
    request: Request,
    space_id: SpacePath,
    person_id: PersonPath,
    report_id: ReportQuery,
    viewer: LinkViewerDep,
    gateway: GatewayDep,
) -> Response:
    """What one person said; ranges are served."""
    return await serve_track(request, gateway, await _hear(gateway, viewer, space_id, report_id), person_id)
