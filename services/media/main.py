"""Media's composition root."""

from __future__ import annotations

import asyncio
import logging
import resource
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from ipaddress import ip_address

from libs.clock import utc_now
from libs.keyring.client import open_keyring
from libs.service import CannotStart, Reserve, Service, run
from services.media.adapters.capture import CaptureWriter
from services.media.adapters.edge import Edge
from services.media.adapters.metrics import exported
from services.media.adapters.neighbours import Neighbours
from services.media.adapters.node import Announcer, OtherNodes, renew
from services.media.adapters.outbox import Outbox
from services.media.app.drain import drain
from services.media.app.half_open import HalfOpen
from services.media.app.ice_fragments import IceFragments
from services.media.app.media_node import MediaNode
from services.media.app.open_connections import OpenConnections
from services.media.app.quality import QualityReports
from services.media.app.revoked_tokens import RevokedTokens
from services.media.app.room_follower import RoomFollower
from services.media.handlers import handlers
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
    keyring = await service.enter(open_keyring(bus, settings.name))
    reserve = Reserve(settings.var, settings.disk_reserve_mb)
    capture = CaptureWriter(bus, keyring, settings.capture_waiting, reserve.lack)
    outbox = Outbox(bus)
    room = RoomFollower(bus)
    revoked = RevokedTokens(bus)
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
    node = MediaNode(
        lambda node: Edge(
            settings.host,
            settings.port,
            node,
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
        open_connections=OpenConnections(settings.connections_per_person, settings.anonymous_per_address),
        revoked=revoked,
        snapshot=room.snapshot,
        tell=outbox.put,
        keep=capture.put,
        clock=utc_now,
        neighbours=neighbours,
    )
    await service.enter(_open(node))
    speaking = node.speaking
    service.spawn("relay audio", neighbours.run(on_change=speaking.carriers_changed, on_packets=speaking.received))
    service.spawn("follow room", room.run(node))
    service.spawn("follow revoked tokens", revoked.run(node.revoked))
    service.ready_when("room", lambda: None if room.ready.is_set() else "does not follow the event stream yet")

    tell = partial(renew, bus, settings.name)
    service.spawn("renew leases", node.held.tell(tell, settings.renew_seconds, node.leases))
    quality = QualityReports(
        node.edge.reports,
        node.connected_sessions,
        node_id=settings.name,
        tell=outbox.put,
        clock=utc_now,
    )
    service.spawn("tell how listeners fare", quality.run(settings.quality_seconds))
    await service.enter(
        bus.serve(handlers(node, IceFragments(node.edge, node.known), quality), route=settings.name, hot=True)
    )
    announcer = Announcer(bus, node.describe, settings.heartbeat_seconds)
    service.on_stop(announcer.leave)
    service.spawn("announce the node", announcer.run())
    other_nodes = OtherNodes(bus, settings.name)
    await service.enter(other_nodes.listening())
    # Last, so that it comes first: while clients move, the node answers and beats as ever.
    service.on_stop(lambda: drain(node, other_nodes.any, announcer.beat, settings.drain_seconds))


def _allow_files(count: int) -> None:
    """Let the process open so many files at once, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        most = count if hard == resource.RLIM_INFINITY else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


@asynccontextmanager
async def _open(node: MediaNode) -> AsyncIterator[None]:
    """Open the edge; at the end close every connection and wait until that was told."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(node.edge)
        except OSError as error:
            names = "ROSTRUM_MEDIA_HOST, ROSTRUM_MEDIA_PORT, ROSTRUM_MEDIA_TCP_PORT"
            raise CannotStart(f"a media port cannot be opened: {error} ({names})") from error
        with exported(node.edge.forwarder):
            yield
        try:
            async with asyncio.timeout(_CLOSE_WITHIN):
                await node.close_all()
        except TimeoutError:
            _log.error("connections did not close in time")


def main(env: Mapping[str, str]) -> int:
    """Run until SIGTERM; return the exit code."""
    return run(Settings, compose, env)
