"""Live events: server-sent events with ids that survive a restart of the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from contracts.envelope import SessionId
from libs.bus import Unavailable
from libs.refusal import Refusal
from services.gateway.app.frames import KEEP_ALIVE, RETRY
from services.gateway.app.stream import Stream
from services.gateway.http.caller import AddressViewerDep, GatewayDep, address, opened
from services.gateway.http.parameters import SpacePath
from services.gateway.http.problems import responses
from services.gateway.http.sessions import lease_for

_log = logging.getLogger(__name__)

LAST_WORDS: Final = 0.5
"""Seconds that a client which is cut off has to read what it is being sent."""

router = APIRouter(tags=["live events"])


class EventStream(Response):
    """The response that sends a stream's chunks until either side ends it."""

    media_type = "text/event-stream"

    def __init__(self, stream: Stream, while_open: AbstractAsyncContextManager[None] | None = None) -> None:
        super().__init__(media_type=self.media_type)
        self._stream = stream
        self._while_open = while_open or contextlib.nullcontext()
        del self.headers["content-length"]
        self.headers["cache-control"] = "no-store"
        self.headers["x-accel-buffering"] = "no"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            async with self._while_open:
                await until_over(self._stream, _send_all(self._stream, send), _gone(receive))
        except (Refusal, Unavailable) as error:
            # The head has been sent. Closed, the client comes back with its last id and is told as a problem.
            _log.info("a live stream ends early", extra={"why": str(error)})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._stream.close()


async def until_over(stream: Stream, sending: Coroutine[Any, Any, None], gone: Coroutine[Any, Any, None]) -> None:
    """Send until all is sent, the client has `gone` or is cut off. Raises what `sending` raises."""
    # A client that reads nothing leaves `sending` waiting, so that is watched from outside.
    sender = asyncio.create_task(sending)
    waits = {sender, asyncio.create_task(gone), asyncio.create_task(stream.client.cut.wait())}
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        if stream.client.cut.is_set() and not sender.done():
            # Room for a client that does read to get the end of what it is being sent.
            await asyncio.wait({sender}, timeout=LAST_WORDS)
    finally:
        for task in waits:
            task.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
    if not sender.cancelled() and (error := sender.exception()) is not None:
        raise error


async def _send_all(stream: Stream, send: Send) -> None:
    await send({"type": "http.response.body", "body": RETRY, "more_body": True})
    async for chunk in stream.chunks():
        body = b"".join([frame.sent for frame in chunk]) or KEEP_ALIVE
        await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


EVENTS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": (
            "`event: snapshot`, then each event as `event: <context>.<name>` with its JSON as `data` and "
            "`<stream epoch>-<sequence>` as `id`; `event: reset` and a snapshot when the stream was rebuilt"
        ),
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
LastHeader = Annotated[str | None, Header(alias="Last-Event-ID", max_length=100)]
LastQuery = Annotated[
    str | None, Query(alias="last_event_id", max_length=100, description="Like Last-Event-ID; `0`: from the beginning")
]


@router.get(
    "/v1/spaces/{space_id}/events", operation_id="spaceEvents", response_class=Response,
    responses={
        **responses(
            "unauthenticated", "removed", "blocked", "not_allowed", "space_unknown", "session_unknown",
            "too_many_requests", "invalid",
        ),
        **EVENTS,
    },
)  # fmt: skip
async def space_events(
    request: Request,
    space_id: SpacePath,
    viewer: AddressViewerDep,
    gateway: GatewayDep,
    session: Annotated[SessionId | None, Query(description="A session that this stream keeps alive")] = None,
    last_header: LastHeader = None,
    last_query: LastQuery = None,
) -> Response:
    """The live events of a Space, as far as one may see them.

    The same as messages of a WebSocket: `/v1/spaces/{space_id}/live`, with the same parameters, each
    `{"id", "event", "data"}`.

    Between them, without an id and only to whoever has a connection at that media node: `media.node_lost` (the node is
    gone: connect again) and `media.node_draining` (connect again, and hang up when that is done), with
    `{"node_id", "sessions"}` as data; a session is the first part of a connection's address. An anonymous listener is
    known by giving the same `session` here and to WHEP.
    """
    lease = None if session is None else lease_for(gateway, space_id, session, viewer)
    own = None if lease is None else lease.session_id
    opening = gateway.streams.of_space(space_id, viewer, last_header or last_query, own, address(request))
    stream = await opened(request, opening)
    gateway.connections.remind(space_id, stream.client)
    return EventStream(stream, None if lease is None else gateway.renewals.holding(lease))


@router.get(
    "/v1/live-bar/events", operation_id="liveBarEvents", response_class=Response,
    responses={**responses("unauthenticated", "too_many_requests", "invalid"), **EVENTS},
)  # fmt: skip
async def bar_events(
    request: Request,
    viewer: AddressViewerDep,
    gateway: GatewayDep,
    last_header: LastHeader = None,
    last_query: LastQuery = None,
) -> Response:
    """Changes of one's live bar, and what one is told wherever one is: reminders, invitations to join a Space, and
    corrections of one's words."""
    if viewer.person_id is None:
        raise Refusal("unauthenticated", "Sign in first.")
    opening = gateway.streams.of_bar(viewer, viewer.person_id, last_header or last_query)
    return EventStream(await opened(request, opening))


@router.get(
    "/v1/ops/events", operation_id="operatorEvents", response_class=Response, tags=["operators"],
    responses={**responses("unauthenticated", "not_allowed", "too_many_requests", "invalid"), **EVENTS},
)  # fmt: skip
async def operator_events(
    request: Request,
    viewer: AddressViewerDep,
    gateway: GatewayDep,
    last_header: LastHeader = None,
    last_query: LastQuery = None,
) -> Response:
    """Everything that is for those who run the instance."""
    if not viewer.operator:
        raise Refusal("not_allowed" if viewer.person_id else "unauthenticated", "This is for operators.")
    return EventStream(await opened(request, gateway.streams.of_operators(viewer, last_header or last_query)))
