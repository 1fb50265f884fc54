"""A server within bounds, and connections on which a test writes what it likes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Final, cast

import uvicorn
from starlette.types import Receive, Scope, Send

from services.gateway.adapters.bounded_http import bounded
from services.gateway.adapters.connection_bounds import Bounds
from tests.support.nats import free_port
from tests.support.waiting import LIMIT

BOUNDS: Final = Bounds(per_address=1000)
SPOKEN: Final = 4000
"""With which the app closes a WebSocket on which something was said."""


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the length of the body; `/stream` with much, whose end is cut off, and `/wait` not before its client
    is gone, which `told` hears. Takes WebSockets, but for `/later`."""
    if scope["type"] == "websocket":
        await receive()
        if scope["path"] == "/later":
            await asyncio.Event().wait()
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            await send({"type": "websocket.close", "code": SPOKEN})
        return
    if scope["path"] == "/wait":
        told = cast(asyncio.Queue[str], scope["state"]["told"])
        told.put_nowait("begun")
        while (await receive())["type"] != "http.disconnect":
            pass
        told.put_nowait("gone")
        return
    if scope["path"] == "/stream":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        cut = asyncio.create_task(send_much(send))
        await asyncio.wait({cut}, timeout=0.1)
        cut.cancel()  # it lags behind, as a live stream may, and is not ended
        return
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message["body"], message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": f"{len(body):5}".encode()})


async def send_much(send: Send) -> None:
    """Never ends, unless it is read quickly."""
    for _ in range(1_000):
        await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})


@contextlib.asynccontextmanager
async def serving(bounds: Bounds, *, told: asyncio.Queue[str] | None = None) -> AsyncIterator[int]:
    """A server within bounds; its port. `told` hears of `/wait`."""
    http, ws = bounded(bounds)
    port = free_port()
    config = uvicorn.Config(
        app, port=port, http=http, ws=ws, ws_max_size=1024, lifespan="off", log_config=None,
        timeout_keep_alive=int(bounds.idle_seconds), timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    server.lifespan.state["told"] = told
    await server.startup()
    try:
        yield port
    finally:
        server.should_exit = True
        await server.shutdown()


class Raw:
    """A connection on which a test writes what it likes."""

    def __init__(self, port: int, *, unread: int | None = None) -> None:
        """`unread`: how many bytes that nobody reads the system takes for it, about."""
        self._port = port
        self._unread = unread

    async def __aenter__(self) -> Raw:
        connecting = socket.socket()
        connecting.setblocking(False)
        if self._unread is not None:
            connecting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._unread)
        await asyncio.get_running_loop().sock_connect(connecting, ("127.0.0.1", self._port))
        self.reader, self.writer = await asyncio.open_connection(sock=connecting)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    def write(self, data: bytes) -> None:
        self.writer.write(data)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer."""
        async with asyncio.timeout(LIMIT):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:-1])}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(head[0].split()[1]), headers, body

    async def refused(self) -> tuple[int, str]:
        """Status and reason of the last answer on this connection."""
        status, headers, body = await self.answer()
        assert headers["connection"] == "close"
        await self.closed()
        return status, json.loads(body)["reason"]

    async def closed(self) -> None:
        async with asyncio.timeout(LIMIT):
            with contextlib.suppress(ConnectionResetError):
                assert await self.reader.read() == b""


def head(*fields: str, first: str = "GET / HTTP/1.1") -> bytes:
    return "\r\n".join([first, "host: x", *fields, "", ""]).encode()
