"""Live Spaces for players of HLS (RFC 8216, with the low latency of its second edition)."""

from __future__ import annotations

import time
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from libs.refusal import Refusal
from services.gateway.app.access import look_inside
from services.gateway.http.caller import GatewayDep, LinkViewerDep
from services.gateway.http.parameters import SpacePath
from services.gateway.http.problems import responses

router = APIRouter(tags=["what was said"])

_PLAYLIST: Final = "application/vnd.apple.mpegurl"
_MEDIA: Final = "video/iso.segment"
_HEADER: Final = "audio/mp4"
_LOOKED: Final = 0.5
"""Seconds for which an answer to who may listen holds."""

_Number = Annotated[int, Path(ge=0, le=2**31)]
_Key = Annotated[str, Query(max_length=100, description="The key that the playlist gave.")]
_Msn = Annotated[int | None, Query(alias="_HLS_msn", ge=0, le=2**31, description="Wait for this segment.")]
_Part = Annotated[int | None, Query(alias="_HLS_part", ge=0, le=100, description="Wait for this part of it.")]
_Skip = Annotated[Literal["YES", "v2"] | None, Query(alias="_HLS_skip", description="Leave out older segments.")]


def _file(media_type: str, *reasons: str) -> dict[int | str, dict[str, object]]:
    schema = {"content": {media_type: {"schema": {"type": "string", "format": "binary"}}}}
    return {**responses(*reasons, standing=False), 200: {"description": "All of it", **schema}}


@router.get(
    "/v1/spaces/{space_id}/hls/index.m3u8", operation_id="getLivePlaylist", response_class=Response,
    responses={
        **responses("unauthenticated", "removed", "blocked", "not_allowed", "space_unknown", "not_live", "invalid"),
        200: {"description": "The playlist", "content": {_PLAYLIST: {"schema": {"type": "string"}}}},
    },
)  # fmt: skip
async def playlist(
    space_id: SpacePath,
    viewer: LinkViewerDep,
    gateway: GatewayDep,
    msn: _Msn = None,
    part: _Part = None,
    skip: _Skip = None,
) -> Response:
    """The low-latency HLS playlist of a live Space: all of a recorded one from its start, and the last half minute of
    any other.

    A Space that is not recorded is mixed from the first request on; the answer waits for its first segment (2 s). With
    `_HLS_msn` the answer waits for what is made next. Whoever may not listen any more is refused at once.
    """
    if part is not None and msn is None:
        raise Refusal("invalid", "_HLS_part: say of which segment, with _HLS_msn.")
    await look_inside(gateway.bus, space_id, viewer, gateway.ask_seconds)
    looked_at = time.monotonic()
    text = await gateway.live_audio.playlist(
        space_id, gateway.links.live_key(space_id), msn=msn, part=part, skip=skip is not None
    )
    if time.monotonic() - looked_at > _LOOKED:
        await look_inside(gateway.bus, space_id, viewer, gateway.ask_seconds)
    return Response(text, media_type=_PLAYLIST, headers={"Cache-Control": "no-store"})


@router.get(
    "/v1/spaces/{space_id}/hls/init.mp4", operation_id="getLiveHeader", response_class=Response,
    responses=_file(_HEADER, "unauthenticated", "token_expired", "not_live", "invalid"),
)  # fmt: skip
async def header(space_id: SpacePath, key: _Key, gateway: GatewayDep) -> Response:
    """What players read before any part."""
    left = gateway.links.open_live(space_id, key)
    body = await gateway.live_audio.header(space_id)
    return _media(body, _HEADER, left if await gateway.live_audio.kept(space_id) else 0)


@router.get(
    "/v1/spaces/{space_id}/hls/segment-{number}.m4s", operation_id="getLiveSegment", response_class=Response,
    responses=_file(_MEDIA, "unauthenticated", "token_expired", "not_live", "not_found", "invalid"),
)  # fmt: skip
async def segment(space_id: SpacePath, number: _Number, key: _Key, gateway: GatewayDep) -> Response:
    """Two seconds of what is said."""
    left = gateway.links.open_live(space_id, key)
    body = await gateway.live_audio.segment(space_id, number)
    return _media(body, _MEDIA, left if await gateway.live_audio.kept(space_id) else 0)


@router.get(
    "/v1/spaces/{space_id}/hls/part-{number}.m4s", operation_id="getLivePart", response_class=Response,
    responses=_file(_MEDIA, "unauthenticated", "token_expired", "not_live", "not_found", "invalid"),
)  # fmt: skip
async def part(space_id: SpacePath, number: _Number, key: _Key, gateway: GatewayDep) -> Response:
    """A third of a second of what is said; the one that is made now, once it is."""
    left = gateway.links.open_live(space_id, key)
    body = await gateway.live_audio.part(space_id, number)
    return _media(body, _MEDIA, left if await gateway.live_audio.kept(space_id) else 0)


def _media(body: bytes, media_type: str, seconds: int) -> Response:
    """A file that others may keep for as long as its address is good; of a Space that is not recorded, nobody may."""
    keep = f"public, max-age={seconds}" if seconds else "no-store"
    return Response(body, media_type=media_type, headers={"Cache-Control": keep})
