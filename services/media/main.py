"""Media's composition root."""

from __future__ import annotations

import asyncio
import logging
import resource
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from ipaddress import ip_address

from libs.service import CannotStart, Service, run
from services.media.adapters.capture import CaptureWriter
from services.media.adapters.edge import Edge
from services.media.adapters.metrics import exported
from services.media.adapters.neighbours import Neighbours
from services.media.adapters.node import Announcer, Peers, renew
from services.media.adapters.outbox import Outbox
from services.media.app import HalfOpen, Media, Quality
from services.media.app.drain import drain
from services.media.handlers import RoomFollower, handlers
from services.media.settings import Settings

_log = logging.getLogger(__name__)
_CLOSE_WITHIN = 1.0
_STORE_WITHIN = 2.0
_OTHER_FILES = 512


async def compose(service: Service[Settings]) -> None:
    """Open the port, follow room, announce the node, take connections."""
    settings, bus = service.settings, service.bus
    if settings.tcp_port != "off":
        _allow_files(settings.tcp_connections + _OTHER_FILES)
    if ip_address(settings.host).is_unspecified and not settings.candidates:
        detail = f"clients cannot be told {settings.host}: say at which addresses they reach the media port"
        raise CannotStart(f"{detail} (ROSTRUM_MEDIA_PUBLIC_HOSTS)")
    capture = CaptureWriter(bus, settings.capture_waiting)
    outbox = Outbox(bus)
    room = RoomFollower(bus)
    neighbours = Neighbours(bus, settings.name)
    service.spawn("store captured audio", capture.run())
    service.spawn("publish events", outbox.run())

    async def drained() -> None:
        try:
            async with asyncio.timeout(_STORE_WITHIN):
                await asyncio.gather(capture.drained(), outbox.drained())
        except TimeoutError:
            _log.error("captured audio or events are lost: NATS did not take them before the end")

    service.on_stop(drained)
    media = Media(
        lambda media: Edge(
            settings.host,
            settings.port,
            media,
            tcp_port=None if settings.tcp_port == "off" else settings.tcp_port,
            tcp_connections=settings.tcp_connections,
            public_hosts=settings.candidates,
            threads=settings.threads,
            coalesce_ms=settings.coalesce_ms,
            repacketise_from=settings.repacketise_from,
        ),
        node_id=settings.name,
        capacity=settings.capacity,
        half_open=HalfOpen(settings.half_open_per_person, settings.half_open_per_address),
        snapshot=room.snapshot,
        tell=outbox.put,
        keep=capture.put,
        clock=lambda: datetime.now(UTC),
        neighbours=neighbours,
    )
    await service.enter(_open(media))
    service.spawn("relay audio", neighbours.run())
    service.spawn("follow room", room.run(media))
    service.ready_when("room", lambda: None if room.ready.is_set() else "does not follow the event stream yet")

    async def keep_leases() -> None:
        while True:
            await renew(bus, settings.name, media.leases())
            await asyncio.sleep(settings.renew_seconds)

    service.spawn("renew leases", keep_leases())
    quality = Quality(
        media.edge.reports,
        media.connected_sessions,
        node_id=settings.name,
        tell=outbox.put,
        clock=lambda: datetime.now(UTC),
    )
    service.spawn("tell how listeners fare", quality.run(settings.quality_seconds))
    await service.enter(bus.serve(handlers(media, quality), route=settings.name, hot=True))
    announcer = Announcer(bus, media.describe, settings.heartbeat_seconds)
    service.on_stop(announcer.leave)
    service.spawn("announce the node", announcer.run())
    peers = Peers(bus, settings.name)
    await service.enter(peers.listening())
    # Last, so that it comes first: while clients move, the node answers and beats as ever.
    service.on_stop(lambda: drain(media, peers.any, announcer.beat, settings.drain_seconds))


def _allow_files(count: int) -> None:
    """Lets the process open so many files at once, as far as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@asynccontextmanager
async def _open(media: Media) -> AsyncIterator[None]:
    """The edge is open inside; at the end every connection is closed and has been told."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(media.edge)
        except OSError as error:
            names = "ROSTRUM_MEDIA_HOST, ROSTRUM_MEDIA_PORT, ROSTRUM_MEDIA_TCP_PORT"
            raise CannotStart(f"a media port cannot be opened: {error} ({names})") from error
        with exported(media.edge.forwarder):
            yield
        try:
            async with asyncio.timeout(_CLOSE_WITHIN):
                await media.close_all()
        except TimeoutError:
            _log.error("connections did not close in time")


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; the exit code."""
    return run(Settings, compose, env)
