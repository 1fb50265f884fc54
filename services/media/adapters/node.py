"""What the node says of itself on the bus: that it lives, how full it is, and whose leases it renews."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Final

import nats.errors
from nats.aio.msg import Msg
from nats.js.errors import Error as JetStreamError
from pydantic import ValidationError

from contracts import subjects
from contracts.media.v1 import Node
from contracts.presence.v1 import Lease, Renewal
from libs.bus import Bus

_log = logging.getLogger(__name__)
_ENTRY_SECONDS: Final = 1.0
_ENTRY_TTL: Final = 3
_LEASES: Final = 1000
_PEER_SECONDS: Final = 1.0


class Announcer:
    """Keeps the node's entry in the nodes bucket (it vanishes 3 s after the last word) and its heartbeat."""

    def __init__(self, bus: Bus, describe: Callable[[], Node], heartbeat_seconds: float) -> None:
        self._bus = bus
        self._describe = describe
        self._heartbeat = heartbeat_seconds

    async def run(self) -> None:
        """Tells, for ever."""
        loop = asyncio.get_running_loop()
        told: Node | None = None
        due = 0.0
        while True:
            node = self._describe()
            await self.beat()  # lost ones are seen as what they are; the next one follows
            if loop.time() >= due or told is None or node.draining != told.draining:
                if await self.tell(node):
                    told = node
                due = loop.time() + _ENTRY_SECONDS
            await asyncio.sleep(self._heartbeat)

    async def beat(self) -> None:
        """Says now what the node is, without waiting for the next heartbeat."""
        node = self._describe()
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._bus.nc.publish(subjects.node_heartbeat(node.node_id), node.model_dump_json().encode())

    async def tell(self, node: Node) -> bool:
        """Writes the entry; whether it was taken."""
        try:
            await self._bus.js.publish(
                self._key(node), node.model_dump_json().encode(), timeout=1.0, stream=_STREAM, msg_ttl=_ENTRY_TTL
            )
        except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            _log.warning("the node cannot announce itself", extra={"why": str(error)})
            return False
        return True

    async def leave(self) -> None:
        """Takes the entry away."""
        with contextlib.suppress(nats.errors.Error, JetStreamError, TimeoutError, OSError):
            await self._bus.js.publish(
                self._key(self._describe()), b"", timeout=1.0, stream=_STREAM, headers={"KV-Operation": "DEL"}
            )

    @staticmethod
    def _key(node: Node) -> str:
        return f"$KV.{subjects.NODES_BUCKET}.{node.node_id}"


class Peers:
    """The other media nodes that say that they take connections."""

    def __init__(self, bus: Bus, node_id: str) -> None:
        self._bus = bus
        self._node_id = node_id
        self._heard: dict[str, float] = {}

    def any(self) -> bool:
        """Whether there is one to go to."""
        now = asyncio.get_running_loop().time()
        return any(now - at < _PEER_SECONDS for at in self._heard.values())

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Hears them while the context is open."""
        subscription = await self._bus.nc.subscribe(subjects.node_heartbeat("*"), cb=self._hear)
        try:
            yield
        finally:
            with contextlib.suppress(nats.errors.Error, OSError):
                await subscription.unsubscribe()

    async def _hear(self, msg: Msg) -> None:
        try:
            node = Node.model_validate_json(msg.data)
        except ValidationError:
            return  # the gateway says so, once for all
        if node.node_id == self._node_id:
            return
        if node.draining or node.sessions >= node.capacity:
            self._heard.pop(node.node_id, None)
        else:
            self._heard[node.node_id] = asyncio.get_running_loop().time()


_STREAM: Final = f"KV_{subjects.NODES_BUCKET}"


async def renew(bus: Bus, holder: str, leases: Iterable[Lease]) -> None:
    """Says once that these sessions are alive. Lost where NATS is away: the next time says it again."""

    def partition(lease: Lease) -> int:
        return subjects.partition_of(lease.space_id, bus.settings.partitions)

    for number, group in itertools.groupby(sorted(leases, key=partition), partition):
        those = tuple(group)
        for start in range(0, len(those), _LEASES):
            renewal = Renewal(holder=holder, leases=those[start : start + _LEASES])
            with contextlib.suppress(nats.errors.Error, OSError):
                await bus.nc.publish(subjects.presence(number), renewal.model_dump_json().encode())
