"""Links for what a browser opens without headers: downloads, players."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from contracts.times import Moment
from libs.refusal import Refusal
from services.gateway.http.bodies import Body
from services.gateway.http.caller import GatewayDep, SuspendedPersonDep, SuspendedViewerDep, json_only
from services.gateway.http.problems import responses

router = APIRouter(tags=["what was said"], dependencies=[Depends(json_only)])

_ID: Final = r"[0-9a-z]{1,64}"
_OPENS: Final = re.compile(
    rf"/v1/spaces/{_ID}/(?:replay\.m4a|hls/index\.m3u8|tracks/{_ID}\.ogg|transcript\.(?:vtt|srt|txt|json)|chapters\.(?:json|vtt))"
    rf"|/v1/spaces/{_ID}/downloads/(?:mix\.[0-9a-z]{{1,8}}|tracks/{_ID}\.opus)"
    rf"|/v1/ops/spaces/{_ID}/safety-copy(?:\.m4a|/{_ID}\.ogg)\?report={_ID}"
    rf"|/v1/ops/moderation/reports/{_ID}/evidence/[0-9]{{1,3}}\.m4a"
    rf"|/v1/me/export|/v1/ops/people/{_ID}/export",
    re.ASCII,
)
"""What a link can be made for."""


class Wanted(Body):
    """What a link is wanted for."""

    address: Annotated[str, Field(max_length=300)]
    """Path of a replay, a playlist of a Space that runs, a track, a transcript file, a safety copy, reported sound or a
    copy of somebody's data, as this API tells it."""


class SignedLink(BaseModel):
    """An address that opens one thing without a token, until it ends."""

    url: str
    ends_at: Moment


@router.post(
    "/v1/links", status_code=201, operation_id="makeLink",
    responses=responses("unauthenticated", "invalid", standing=False),
)  # fmt: skip
async def make(body: Wanted, _: SuspendedPersonDep, viewer: SuspendedViewerDep, gateway: GatewayDep) -> SignedLink:
    """Make a link that opens one file as oneself for a quarter of an hour, or a playlist for six hours.

    Whether one may have the file is decided when the link is used: whoever is suspended may have their data alone.
    """
    if _OPENS.fullmatch(body.address) is None:
        raise Refusal(
            "invalid",
            "address: links are made for replays, playlists, tracks, transcript files, safety copies, reported sound "
            "and copies of somebody's data",
        )
    signature, ends = gateway.links.sign(body.address, viewer)
    mark = "&" if "?" in body.address else "?"
    return SignedLink(url=f"{body.address}{mark}link={signature}", ends_at=datetime.fromtimestamp(ends, UTC))
