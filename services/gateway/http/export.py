"""Copies of everything that there is about a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from contracts.people.v1 import NoteExport
from libs.identity import COMMAND_LINE
from libs.ids import new_id
from libs.refusal import Refusal
from services.gateway.app.export import MEDIA_TYPE
from services.gateway.http.caller import (
    GatewayDep,
    LinkViewerDep,
    SuspendedLinkViewerDep,
    give_back,
    spend,
    would_spend,
)
from services.gateway.http.parameters import PersonPath
from services.gateway.http.problems import responses

router = APIRouter()

_ARCHIVE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The archive (ZIP): a JSON file for each subject, and files beside them",
        "content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}},
    },
}
_OWN: Final = ("unauthenticated", "person_unknown", "too_many_requests")


@router.get(
    "/v1/me/export", operation_id="exportMe", tags=["people"], response_class=Response,
    responses={**responses(*_OWN, standing=False), **_ARCHIVE},
)  # fmt: skip
async def me(request: Request, viewer: SuspendedLinkViewerDep, gateway: GatewayDep) -> Response:
    """A copy of everything that there is about oneself, also while one is suspended; a few times an hour.

    A part of the system that is away is named (503): there is no copy without its part. HEAD tells whether it could be
    had, and counts for nothing.
    """
    if viewer.person_id is None:
        raise Refusal("unauthenticated", "Sign in first.")
    limit = gateway.limits.exports
    if request.method == "HEAD":
        would_spend(limit, viewer.person_id)
    else:
        spend(request, limit, viewer.person_id)
    try:
        archive = await gateway.exports.open(
            viewer.person_id, actor=viewer.person_id, operator=False, wanted=request.method != "HEAD"
        )
    except Refusal:
        if request.method != "HEAD":
            give_back(request, limit, viewer.person_id)
        raise
    return await _answer(request, archive)


@router.get(
    "/v1/ops/people/{person_id}/export", operation_id="exportPerson", tags=["operators"], response_class=Response,
    responses={**responses("unauthenticated", "not_allowed", "person_unknown"), **_ARCHIVE},
)  # fmt: skip
async def person(request: Request, person_id: PersonPath, viewer: LinkViewerDep, gateway: GatewayDep) -> Response:
    """A copy of everything that there is about somebody, for operators. That it is made is put on the log."""
    if viewer.person_id is None:
        raise Refusal("unauthenticated", "Sign in first.")
    if not viewer.operator:
        raise Refusal("not_allowed", "This is for operators.")
    actor = None if viewer.person_id == COMMAND_LINE else viewer.person_id
    wanted = request.method != "HEAD"
    archive = await gateway.exports.open(person_id, actor=actor, operator=True, wanted=wanted)
    if wanted:
        await gateway.ask(NoteExport(command_id=new_id(), actor=actor, operator=True, person_id=person_id))
    return await _answer(request, archive)


async def _answer(request: Request, archive: AsyncIterator[bytes]) -> Response:
    name = f"rostrum-export-{datetime.now(UTC):%Y-%m-%d}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    if request.method == "HEAD":
        return Response(None, 200, headers, MEDIA_TYPE)
    return StreamingResponse(archive, 200, headers, MEDIA_TYPE)
