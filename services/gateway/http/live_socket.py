"""Live events over a WebSocket (RFC 6455): the same stream as the server-sent one, for clients that prefer it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Final

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from contracts.envelope import SessionId
from libs.bus import Unavailable
from libs.refusal import Refusal
from services.gateway.app.clients import Ending
from services.gateway.app.stream import Stream
from services.gateway.http.caller import GatewayDep, SocketViewerDep, address, opened
from services.gateway.http.live_events import LAST_WORDS, LastHeader, LastQuery, until_over
from services.gateway.http.parameters import SpacePath
from services.gateway.http.sessions import lease_for

router = APIRouter()

_NORMAL: Final = 1000
_POLICY: Final = 1008
_RESTARTS: Final = 1012
_LATER: Final = 1013
_CODES: Final = {
    Ending.SUSPENDED: _POLICY, Ending.EXPIRED: _POLICY, Ending.REVOKED: _POLICY,
    Ending.STOPPING: _RESTARTS, Ending.LAGGING: _LATER,
}  # fmt: skip
"""What a client is closed with (RFC 6455, section 7.4.1, and the IANA registry for the last two)."""


@router.websocket("/v1/spaces/{space_id}/live")
async def space_live(
    socket: WebSocket,
    space_id: SpacePath,
    viewer: SocketViewerDep,
    gateway: GatewayDep,
    session: Annotated[SessionId | None, Query()] = None,
    last_header: LastHeader = None,
    last_query: LastQuery = None,
) -> None:
    """The live events of a Space as messages `{"id", "event", "data"}`. Refused before it opens, it is answered with a
    problem document instead. A client sends nothing: a message of its own ends the connection."""
    lease = None if session is None else lease_for(gateway, space_id, session, viewer)
    own = None if lease is None else lease.session_id
    opening = gateway.streams.of_space(space_id, viewer, last_header or last_query, own, address(socket))
    stream = await opened(socket, opening)
    try:
        gateway.connections.remind(space_id, stream.client)
        await socket.accept()
        async with contextlib.nullcontext() if lease is None else gateway.renewals.holding(lease):
            code, why = await _carry(stream, socket)
        with contextlib.suppress(WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(LAST_WORDS):  # nor does a close reach whoever reads nothing
                await socket.close(code, why)
    except WebSocketDisconnect:
        pass
    finally:
        stream.close()


async def _carry(stream: Stream, socket: WebSocket) -> tuple[int, str]:
    """Send everything; with which code and words it ends. Raises WebSocketDisconnect."""
    spoken = False

    async def send_all() -> None:
        async for chunk in stream.chunks():
            for frame in chunk:
                await socket.send_text(frame.message)

    async def gone() -> None:
        nonlocal spoken
        spoken = (await socket.receive())["type"] == "websocket.receive"

    try:
        await until_over(stream, send_all(), gone())
    except Refusal as no:
        return _POLICY, no.reason
    except Unavailable:
        return _LATER, "unavailable"
    if spoken:
        return _POLICY, "nothing is expected from clients here"
    ending = stream.client.ending
    return _CODES.get(ending, _NORMAL) if ending else _NORMAL, ending or ""
