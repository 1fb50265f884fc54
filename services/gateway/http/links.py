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
from services.gateway.http.caller import GatewayDep, PersonDep, ViewerDep, json_only
from services.gateway.http.problems import responses

router = APIRouter(tags=["what was said"], dependencies=[Depends(json_only)])

_ID: Final = r"[0-9a-z]{1,64}"
_OPENS: Final = re.compile(
    rf"/v1/spaces/{_ID}/(?:replay\.m4a|tracks/{_ID}\.ogg|transcript\.(?:vtt|srt|txt|json))"
    rf"|/v1/ops/spaces/{_ID}/safety-copy(?:\.m4a|/{_ID}\.ogg)\?report={_ID}",
    re.ASCII,
)
"""What a link can be made for."""


class Wanted(Body):
    """What a link is wanted for."""

    address: Annotated[str, Field(max_length=300)]
    """Path of a replay, a track, a transcript file or a safety copy, as this API tells it."""


class SignedLink(BaseModel):
    """An address that opens one thing without a token, until it ends."""

    url: str
    ends_at: Moment


@router.post(
    "/v1/links", status_code=201, operation_id="makeLink",
    responses=responses("unauthenticated", "invalid"),
)  # fmt: skip
async def make(body: Wanted, person_id: PersonDep, viewer: ViewerDep, gateway: GatewayDep) -> SignedLink:
    """Make a link that opens one file as oneself for a quarter of an hour, e.g. to download it.

    Whether one may have the file is decided when the link is used.
    """
    if _OPENS.fullmatch(body.address) is None:
        raise Refusal("invalid", "address: links are made for replays, tracks, transcript files and safety copies")
    signature, ends = gateway.links.sign(body.address, person_id, operator=viewer.operator)
    mark = "&" if "?" in body.address else "?"
    return SignedLink(url=f"{body.address}{mark}link={signature}", ends_at=datetime.fromtimestamp(ends, UTC))
