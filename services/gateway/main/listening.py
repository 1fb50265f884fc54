"""Sockets, and the HTTP servers behind them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import uvicorn

from libs.service import CannotStart, Service

_BACKLOG: Final = 2048
_HANDSHAKE_SECONDS: Final = 10.0


class Server(uvicorn.Server):
    """uvicorn without its own signal handling: the service is told to stop, and stops it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.started_or_over = asyncio.Event()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().serve(sockets)
        finally:
            self.started_or_over.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self.config.ssl is None:
            await super().startup(sockets)
        else:
            await self._start_tls(self.config.ssl, sockets or [])
        self.started_or_over.set()

    async def _start_tls(self, context: ssl.SSLContext, sockets: Sequence[socket.socket]) -> None:
        """What uvicorn does, but a handshake has a few seconds and not a minute: connections count only after it."""

        def protocol() -> asyncio.Protocol:
            return self.config.http_protocol_class(  # type: ignore[call-arg]
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )

        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                protocol, sock=sock, ssl=context, backlog=_BACKLOG, ssl_handshake_timeout=_HANDSHAKE_SECONDS
            )
            for sock in sockets
        ]
        self.started = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(
    service: Service[Any], server: Server, listening: socket.socket, stopping: Callable[[], None] = lambda: None
) -> None:
    """Serve until the service stops, which calls `stopping` first. Raises CannotStart."""
    serving = asyncio.create_task(server.serve(sockets=[listening]), name="http")

    async def stop() -> None:
        stopping()
        server.should_exit = True
        await serving

    service.on_stop(stop)
    await server.started_or_over.wait()
    if not server.started:
        await serving
        raise CannotStart("the HTTP server did not start")


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises CannotStart for an address that cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
        listening.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise CannotStart(f"port {port} on {host} cannot be had: {why}") from error
    listening.setblocking(False)
    return listening
