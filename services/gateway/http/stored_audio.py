"""Sending replays and tracks from the object store, whole or in ranges (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Final, Literal

from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from starlette.datastructures import Headers

from contracts import object_names
from contracts.recording.v1 import Replay, ReplayForm, ReportedSound
from libs.refusal import Refusal
from services.gateway.app import Gateway
from services.gateway.http.conditions import kept, range_holds, unmet
from services.gateway.http.problems import problem


async def serve_mix(request: Request, gateway: Gateway, replay: Replay) -> Response:
    """The mix, or the part of it that was asked for. Refuses: replay_unknown."""
    if replay.mix is None:
        raise Refusal("replay_unknown", "There is no mix of this Space.")
    return await _serve(request, gateway, replay.mix, object_names.MIX_TYPE)


async def serve_track(request: Request, gateway: Gateway, replay: Replay, person_id: str) -> Response:
    """What one person said, or the part of it that was asked for. Refuses: replay_unknown."""
    found = next((one for one in replay.tracks if one.person.id == person_id), None)
    if found is None:
        raise Refusal("replay_unknown", "There is no track of this person.")
    return await _serve(request, gateway, found.object, object_names.TRACK_TYPE)


async def serve_form(
    request: Request, gateway: Gateway, form: ReplayForm, media_type: str, disposition: str
) -> Response:
    """A file to be saved, or the part of it that was asked for. Refuses: replay_unknown."""
    return await _serve(request, gateway, form.object, media_type, {"Content-Disposition": disposition})


async def serve_reported(request: Request, gateway: Gateway, sound: ReportedSound) -> Response:
    """What is kept for a report, or the part of it that was asked for. Refuses: replay_unknown."""
    if sound.object is None:
        raise Refusal("replay_unknown", "No sound is kept of this.")
    return await _serve(request, gateway, sound.object, object_names.MIX_TYPE)


async def _serve(
    request: Request, gateway: Gateway, name: str, media_type: str, more: Mapping[str, str] | None = None
) -> Response:
    """An object, or the part of it that was asked for (RFC 9110, section 14)."""
    stored = await gateway.replays.look(name)
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": stored.etag,
        "Last-Modified": format_datetime(stored.changed_at, usegmt=True),
        "Cache-Control": "private, no-cache",
        **(more or {}),
    }
    match unmet(request.headers, stored.etag, stored.changed_at):
        case 304:
            return Response(status_code=304, headers=kept(headers))
        case 412:
            raise Refusal("precondition_failed", "This recording is another one than If-Match or the time says.")
    part = wanted_part(request.headers, stored.etag, stored.changed_at, stored.size)
    if part == "none":
        return beyond(stored.size, request.url.path)
    start, end = (0, stored.size) if part is None else part
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{stored.size}"
    status = 200 if part is None else 206
    if request.method == "HEAD":
        return Response(None, status, headers, media_type)
    return StreamingResponse(await gateway.replays.read(stored, start, end), status, headers, media_type)


def beyond(size: int, path: str) -> Response:
    """The answer to a range of which no byte is in a file of `size` bytes (RFC 9110, section 15.5.17)."""
    headers = {"Content-Range": f"bytes */{size}"}
    return problem("range_not_satisfiable", f"This file has {size} bytes.", instance=path, headers=headers)


_RANGE: Final = re.compile(r"bytes=\s*(\d{0,18})-(\d{0,18})\s*", re.ASCII | re.IGNORECASE)
Part = tuple[int, int] | Literal["none"] | None
"""Start and end (exclusive) of a range; "none" where it has no byte of the file, None for the whole file."""


def wanted_part(headers: Headers, etag: str, changed_at: datetime, size: int) -> Part:
    """The part of a file of `size` bytes that a request is for."""
    ranges = headers.getlist("range")
    if len(ranges) != 1 or not range_holds(headers, etag, changed_at):
        return None
    return parse_range(ranges[0], size)


def parse_range(header: str, size: int) -> Part:
    """The part of `size` bytes that a `Range` header names.

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
