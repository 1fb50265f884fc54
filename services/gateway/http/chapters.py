"""Chapters of replays: as the host sets them, and as players read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from contracts.recording.v1 import Chapter, Chapters, ChaptersQuery, SetChapters
from libs.refusal import Refusal
from services.gateway.app import Gateway
from services.gateway.app.access import look_inside
from services.gateway.app.visibility import Viewer
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import AddressViewerDep, GatewayDep, HeadDep, LinkViewerDep, json_only
from services.gateway.http.conditions import tagged
from services.gateway.http.parameters import SpacePath
from services.gateway.http.problems import OF_A_COMMAND, responses

router = APIRouter(tags=["what was said"])

_LOOK: Final = (
    "unauthenticated", "removed", "blocked", "not_allowed", "space_unknown", "invalid", "replay_unknown",
    "replay_deleted", "not_ready",
)  # fmt: skip
JSON_TYPE: Final = "application/json+chapters"
VTT_TYPE: Final = "text/vtt"


@router.get("/v1/spaces/{space_id}/chapters", operation_id="getChapters", responses=responses(*_LOOK))
async def chapters(space_id: SpacePath, viewer: AddressViewerDep, gateway: GatewayDep) -> Chapters:
    """The chapters of the replay, as its host set them; none until then."""
    return await _chapters(gateway, space_id, viewer)


@router.get(
    "/v1/spaces/{space_id}/chapters/proposed", operation_id="proposeChapters", responses=responses(*_LOOK, "not_host")
)
async def proposed(space_id: SpacePath, viewer: AddressViewerDep, gateway: GatewayDep) -> Chapters:
    """For the host, chapters that the replay could have: where something was pinned, and where somebody else leads the
    talk. Nobody else is shown them before the host sets them."""
    return await _chapters(gateway, space_id, viewer, proposed=True)


async def _chapters(gateway: Gateway, space_id: str, viewer: Viewer, *, proposed: bool = False) -> Chapters:
    await look_inside(gateway.bus, space_id, viewer, gateway.ask_seconds)
    return await gateway.ask(ChaptersQuery(space_id=space_id, actor=viewer.person_id, proposed=proposed))


@body_of(SetChapters, "chapters")
class NewChapters(Body):
    """All chapters, in order."""


@router.put(
    "/v1/spaces/{space_id}/chapters", status_code=204, operation_id="setChapters", dependencies=[Depends(json_only)],
    responses=responses(
        *OF_A_COMMAND, "suspended", "not_host", "replay_unknown", "replay_deleted", "not_ready",
    ),
)  # fmt: skip
async def set_chapters(space_id: SpacePath, body: NewChapters, head: HeadDep, gateway: GatewayDep) -> None:
    """The host sets the chapters, in place of those before; an empty list removes them."""
    await gateway.ask(SetChapters(**head.fields, space_id=space_id, **dict(body)))


def called(chapter: Chapter) -> str:
    """What a chapter is called."""
    return chapter.title or (chapter.person.name if chapter.person else "")


def as_json(found: Chapters) -> str:
    """Chapters in the JSON format of Podcasting 2.0, version 1.2.0."""
    listed = [
        {"startTime": round(one.seconds, 3), "title": called(one), **({"url": one.url} if one.url else {})}
        for one in found.chapters
    ]
    return json.dumps({"version": "1.2.0", "chapters": listed}, ensure_ascii=False)


def as_vtt(found: Chapters) -> str:
    """Chapters as WebVTT (W3C, section 2.4, chapter cues): each lasts until the next one begins."""
    starts = [one.seconds for one in found.chapters]
    cues = [
        f"{_time(start)} --> {_time(max(end, start + 0.001))}\n{_cue(called(one))}\n"
        for one, start, end in zip(found.chapters, starts, [*starts[1:], found.seconds], strict=True)
    ]
    return "\n".join(["WEBVTT\n", *cues])


def _time(seconds: float) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{milliseconds // 1000:02d}.{milliseconds % 1000:03d}"


def _cue(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


_WRITERS: Final[dict[str, tuple[str, Callable[[Chapters], str]]]] = {
    "json": (JSON_TYPE, as_json),
    "vtt": (VTT_TYPE, as_vtt),
}
Format = Literal["json", "vtt"]
_DOCUMENT: Final[dict[int | str, dict[str, Any]]] = {
    **responses(*_LOOK, "not_found", "precondition_failed"),
    304: {"description": "Unchanged"},
    200: {
        "description": "The chapters",
        "content": {kind: {"schema": {"type": "string"}} for kind, _ in _WRITERS.values()},
    },
}


@router.get(
    "/v1/spaces/{space_id}/chapters.{format}", operation_id="getChaptersFile", response_class=Response,
    responses=_DOCUMENT,
)  # fmt: skip
async def chapters_file(
    request: Request, space_id: SpacePath, format: Format, viewer: LinkViewerDep, gateway: GatewayDep
) -> Response:
    """The chapters as players read them: JSON as in Podcasting 2.0, or WebVTT."""
    found = await _chapters(gateway, space_id, viewer)
    if not found.chapters:
        raise Refusal("not_found", "This replay has no chapters.")
    media_type, write = _WRITERS[format]
    body = write(found).encode()
    return tagged(request, body, f"{media_type}; charset=utf-8", "These chapters are others than If-Match says.")
