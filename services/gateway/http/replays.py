"""What was said: replays, tracks, transcripts."""

from __future__ import annotations

import re
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, Final, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from contracts.recording.v1 import DeleteReplay, Replay, ReplayQuery, ReplayState
from contracts.transcription.v1 import Transcript, TranscriptDocumentQuery, TranscriptQuery
from libs.bus import Refusal
from services.gateway.adapters.recordings import Stored
from services.gateway.app import Gateway
from services.gateway.app.access import look_inside
from services.gateway.http.caller import AddressViewerDep, GatewayDep, OrderDep
from services.gateway.http.models import ReplayView, TrackView
from services.gateway.http.people import PersonPath
from services.gateway.http.problems import problem, responses
from services.gateway.http.spaces import SpacePath, head
from services.gateway.projection import Viewer

router = APIRouter(tags=["what was said"])

_LOOK: Final = ("unauthenticated", "removed", "blocked", "not_allowed", "space_unknown", "invalid")


async def _replay(gateway: Gateway, space_id: str, viewer: Viewer) -> Replay:
    await look_inside(gateway.bus, space_id, viewer, gateway.ask_seconds)
    query = ReplayQuery(space_id=space_id, actor=viewer.person_id, operator=viewer.operator)
    return await gateway.ask(query)


@router.get("/v1/spaces/{space_id}/replay", operation_id="getReplay", responses=responses(*_LOOK))
async def replay(space_id: SpacePath, viewer: AddressViewerDep, gateway: GatewayDep) -> ReplayView:
    """How far the replay is, and where its parts are."""
    kept = await _replay(gateway, space_id, viewer)
    ready = kept.state is ReplayState.READY
    return ReplayView(
        state=kept.state,
        began_at=kept.began_at,
        seconds=kept.seconds,
        bytes=kept.bytes,
        mix=f"/v1/spaces/{space_id}/replay.m4a" if ready and kept.mix else None,
        tracks=[
            TrackView(
                person=track.person,
                url=f"/v1/spaces/{space_id}/tracks/{track.person.id}.ogg",
                offset_seconds=track.offset_seconds,
                seconds=track.seconds,
                bytes=track.bytes,
            )
            for track in kept.tracks
            if ready
        ],
    )


@router.delete(
    "/v1/spaces/{space_id}/replay", status_code=204, operation_id="deleteReplay",
    responses=responses(
        "unauthenticated", "suspended", "not_host", "replay_unknown", "not_ready", "idempotency_conflict", "invalid",
        "too_many_requests",
    ),
)  # fmt: skip
async def delete_replay(space_id: SpacePath, order: OrderDep, gateway: GatewayDep) -> None:
    """The host deletes the replay, its tracks and its transcript; again is fine."""
    await gateway.ask(DeleteReplay(**head(space_id, order)))


def _audio(media_type: str) -> dict[int | str, dict[str, Any]]:
    schema = {"content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}
    return {
        **responses(*_LOOK, "replay_unknown", "not_ready", "range_not_satisfiable"),
        200: {"description": "All of it", **schema},
        206: {"description": "The part that was asked for", **schema},
        304: {"description": "Unchanged"},
    }


async def _ready(gateway: Gateway, space_id: str, viewer: Viewer) -> Replay:
    kept = await _replay(gateway, space_id, viewer)
    match kept.state:
        case ReplayState.READY:
            return kept
        case ReplayState.NONE | ReplayState.FAILED:
            raise Refusal("replay_unknown", "There is no replay of this Space.")
        case _:
            raise Refusal("not_ready", "The replay is not ready yet; listen to the live events for it.", retry=True)


@router.head("/v1/spaces/{space_id}/replay.m4a", include_in_schema=False)
@router.get(
    "/v1/spaces/{space_id}/replay.m4a", operation_id="getMix", response_class=Response,
    responses=_audio("audio/mp4"),
)  # fmt: skip
async def mix(request: Request, space_id: SpacePath, viewer: AddressViewerDep, gateway: GatewayDep) -> Response:
    """The mix; ranges are served."""
    return await serve_mix(request, gateway, await _ready(gateway, space_id, viewer))


@router.head("/v1/spaces/{space_id}/tracks/{person_id}.ogg", include_in_schema=False)
@router.get(
    "/v1/spaces/{space_id}/tracks/{person_id}.ogg", operation_id="getTrack", response_class=Response,
    responses=_audio("audio/ogg"),
)  # fmt: skip
async def track(
    request: Request, space_id: SpacePath, person_id: PersonPath, viewer: AddressViewerDep, gateway: GatewayDep
) -> Response:
    """One speaker's own audio; ranges are served."""
    return await serve_track(request, gateway, await _ready(gateway, space_id, viewer), person_id)


async def serve_mix(request: Request, gateway: Gateway, kept: Replay) -> Response:
    """The mix, or the part of it that was asked for. Refuses: replay_unknown."""
    if kept.mix is None:
        raise Refusal("replay_unknown", "There is no mix of this Space.")
    return await _serve(request, gateway, kept.mix, "audio/mp4")


async def serve_track(request: Request, gateway: Gateway, kept: Replay, person_id: str) -> Response:
    """What one person said, or the part of it that was asked for. Refuses: replay_unknown."""
    found = next((one for one in kept.tracks if one.person.id == person_id), None)
    if found is None:
        raise Refusal("replay_unknown", "There is no track of this person.")
    return await _serve(request, gateway, found.object, "audio/ogg")


async def _serve(request: Request, gateway: Gateway, name: str, media_type: str) -> Response:
    """An object, or the part of it that was asked for (RFC 9110, section 14)."""
    stored = await gateway.recordings.look(name)
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": stored.etag,
        "Last-Modified": format_datetime(stored.changed_at, usegmt=True),
        "Cache-Control": "private, no-cache",
    }
    if _unchanged(request.headers.get("if-none-match"), stored):
        return Response(status_code=304, headers=headers)
    wanted = request.headers.get("range")
    if wanted is not None and not _same(request.headers.get("if-range"), stored):
        wanted = None
    part = None if wanted is None else parse_range(wanted, stored.size)
    if part == "none":
        detail = f"This recording has {stored.size} bytes."
        range_header = {"Content-Range": f"bytes */{stored.size}"}
        return problem("range_not_satisfiable", detail, instance=request.url.path, headers=range_header)
    start, end = (0, stored.size) if part is None else part
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{stored.size}"
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(None, status, headers, media_type)
    return StreamingResponse(gateway.recordings.read(name, start, end), status, headers, media_type)


_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII)


def parse_range(header: str, size: int) -> tuple[int, int] | Literal["none"] | None:
    """Start and end (exclusive) of the one range in a `Range` header; "none" where it has no byte of `size`.

    None for what is to be answered in full: another unit, several ranges, or no valid range (RFC 9110, section 14.2).
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = match.groups()
    if first == "":
        count = int(last)
        return "none" if count == 0 or size == 0 else (max(0, size - count), size)
    start = int(first)
    if last != "" and int(last) < start:
        return None
    if start >= size:
        return "none"
    return start, size if last == "" else min(size, int(last) + 1)


def _unchanged(if_none_match: str | None, stored: Stored) -> bool:
    if if_none_match is None:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return "*" in tags or stored.etag in tags


def _same(if_range: str | None, stored: Stored) -> bool:
    if if_range is None or if_range.strip() == stored.etag:
        return True
    try:
        return parsedate_to_datetime(if_range) == stored.changed_at.replace(microsecond=0)
    except (ValueError, TypeError):
        return False


@router.get("/v1/spaces/{space_id}/transcript", operation_id="getTranscript", responses=responses(*_LOOK))
async def transcript(space_id: SpacePath, viewer: AddressViewerDep, gateway: GatewayDep) -> Transcript:
    """Every final caption so far."""
    await look_inside(gateway.bus, space_id, viewer, gateway.ask_seconds)
    query = TranscriptQuery(space_id=space_id, actor=viewer.person_id, operator=viewer.operator)
    found = await gateway.ask(query)
    while found.more:
        part = await gateway.ask(query.model_copy(update={"after": len(found.captions), "at": found.version}))
        # Of one that was deleted meanwhile nothing is shown.
        before = found.captions if part.captions else ()
        found = part.model_copy(update={"captions": before + part.captions})
    return found


Format = Literal["vtt", "srt", "txt", "json"]
_DOCUMENT: Final[dict[int | str, dict[str, Any]]] = {
    **responses(*_LOOK, "transcript_unknown", "not_ready"),
    200: {
        "description": "The transcript",
        "content": {
            kind: {"schema": {"type": "string"}}
            for kind in ("text/vtt", "application/x-subrip", "text/plain", "application/json")
        },
    },
}


@router.get(
    "/v1/spaces/{space_id}/transcript.{format}", operation_id="getTranscriptFile", response_class=Response,
    responses=_DOCUMENT,
)  # fmt: skip
async def transcript_file(
    space_id: SpacePath, format: Format, viewer: AddressViewerDep, gateway: GatewayDep
) -> Response:
    """The transcript as a file: WebVTT, SubRip, plain text or JSON."""
    await look_inside(gateway.bus, space_id, viewer, gateway.ask_seconds)
    query = TranscriptDocumentQuery(space_id=space_id, format=format, actor=viewer.person_id, operator=viewer.operator)
    document = await gateway.ask(query)
    while document.more:
        part = await gateway.ask(query.model_copy(update={"after": len(document.body), "at": document.version}))
        document = part.model_copy(update={"body": document.body + part.body})
    return Response(document.body, headers={"Content-Type": document.content_type})
