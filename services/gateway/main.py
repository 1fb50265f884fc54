"""The gateway's composition root."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Iterator, Mapping
from typing import Final

import uvicorn

from libs.identity import DevelopmentIdentity, IdentityError, check_address
from libs.service import CannotStart, Service, run
from services.gateway.adapters.nodes import Nodes
from services.gateway.adapters.presence import Renewals
from services.gateway.adapters.recordings import Recordings
from services.gateway.adapters.statuses import Statuses
from services.gateway.adapters.suspensions import Suspensions
from services.gateway.app import Gateway
from services.gateway.app.connections import Connections
from services.gateway.app.hub import Hub
from services.gateway.app.media import Media, Turn
from services.gateway.app.overview import Overview
from services.gateway.app.pace import Pace
from services.gateway.http import build
from services.gateway.settings import GatewaySettings

_log = logging.getLogger(__name__)
_DRAIN: Final = 3
_LONGEST_MESSAGE: Final = 1024
"""Bytes of a WebSocket message that somebody sends us. Nobody needs to send any."""
_ASK_FOR_BARS: Final = 60.0


def _unexpected(record: logging.LogRecord) -> bool:
    """Whether uvicorn tells of something unforeseen.

    Cutting off a client that does not read is none of it, nor is a WebSocket, which it tells with the token in the
    address; the access log has both.
    """
    return not str(record.msg).startswith(("ASGI callable returned without completing response", '%s - "WebSocket'))


class _Server(uvicorn.Server):
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
        await super().startup(sockets)
        self.started_or_over.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def compose(service: Service[GatewaySettings]) -> None:
    """Start a gateway on the service's bus. Raises CannotStart for what the operator must mend."""
    settings = service.settings
    try:
        check_address(settings.host)
        identity = DevelopmentIdentity(settings.var / "keys")
        recordings = Recordings(settings.recordings_url, settings.var / "recordings")
    except (IdentityError, ValueError, OSError) as error:
        raise CannotStart(str(error)) from error
    listening = _listen(settings.host, settings.port)

    hub = Hub(
        service.bus,
        ask_seconds=settings.ask_seconds,
        streams=settings.streams,
        per_person=settings.streams_per_person,
        queued=settings.queued_events,
        keep_alive=settings.keep_alive_seconds,
    )
    await hub.start()
    service.spawn("live events", hub.run())
    service.spawn("live bars", hub.keep_bars(_ASK_FOR_BARS))
    suspensions = Suspensions(service.bus)
    hub.barred = suspensions.__contains__
    suspensions.on_suspended = hub.suspended
    service.spawn("suspensions", suspensions.run())
    service.ready_when("suspensions", suspensions.lack)
    renewals = Renewals(service.bus, settings.name, settings.renew_seconds)
    service.spawn("lease renewals", renewals.run())
    statuses = Statuses(service.bus)
    await statuses.start()
    nodes = Nodes(service.bus)
    connections = Connections(service.bus, hub)
    nodes.on_heard, nodes.on_lost, hub.on_event = connections.heard, connections.lost, connections.hear
    service.spawn("media nodes", nodes.run())
    service.ready_when("media nodes", lambda: nodes.lack() or connections.lack())
    turn_secret = settings.turn_secret.get_secret_value() if settings.turn_secret else ""
    turn = Turn(settings.turn_urls if turn_secret else (), turn_secret.encode())
    gateway = Gateway(
        bus=service.bus,
        identity=identity,
        hub=hub,
        renewals=renewals,
        nodes=nodes,
        connections=connections,
        media=Media(
            service.bus,
            nodes,
            connections,
            identity.secret("media resources"),
            turn,
            settings.ask_seconds,
            settings.media_redirect,
            settings.media_fill,
        ),
        recordings=recordings,
        suspensions=suspensions,
        overview=Overview(service.bus, hub, nodes, statuses),
        pace=Pace(settings.commands_per_second, settings.commands_burst),
        ask_seconds=settings.ask_seconds,
        missing=service.missing,
    )
    http_log = logging.getLogger("uvicorn.error")
    http_log.addFilter(_unexpected)
    http_log.setLevel(logging.INFO)  # below that it writes down the heads of requests, which hold tokens
    server = _Server(
        uvicorn.Config(
            build(gateway, settings.cors_origins),
            http="httptools",
            ws="websockets-sansio",
            ws_max_size=_LONGEST_MESSAGE,
            ws_per_message_deflate=False,
            ws_ping_interval=settings.keep_alive_seconds,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_DRAIN,
            timeout_keep_alive=30,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]), name="http")

    async def stop() -> None:
        hub.stop()
        server.should_exit = True
        await serving

    service.on_stop(stop)
    await server.started_or_over.wait()
    if not server.started:
        await serving
        raise CannotStart("the HTTP server did not start")
    host, port = listening.getsockname()[:2]
    _log.info("serving http://%s:%d", f"[{host}]" if ":" in host else host, port)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises CannotStart for an address that cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
        listening.listen(2048)
    except (OSError, OverflowError) as error:
        listening.close()
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise CannotStart(f"port {port} on {host} cannot be had: {why}") from error
    listening.setblocking(False)
    return listening


def main(env: Mapping[str, str]) -> int:
    """Run the gateway; the exit code."""
    return run(GatewaySettings, compose, env)
