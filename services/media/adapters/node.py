"""What media nodes say of themselves on the bus: that they live, how full they are, whose leases they renew."""

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
from contracts.presence.v1 import Ended, Lease, Renewal
from libs.bus import Bus
from libs.bus.origin import mark

_log = logging.getLogger(__name__)
_ENTRY_SECONDS: Final = 1.0
_ENTRY_TTL: Final = 3
_LEASES: Final = 1000
_SILENT_SECONDS: Final = 1.0


class Announcer:
    """Keeps up the node's heartbeat and its entry in the nodes bucket, which expires after 3 s."""

    def __init__(self, bus: Bus, describe: Callable[[], Node], heartbeat_seconds: float) -> None:
        self._bus = bus
        self._describe = describe
        self._heartbeat = heartbeat_seconds

    async def run(self) -> None:
        """Announce the node, for ever."""
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
        """Send a heartbeat now."""
        node = self._describe()
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._bus.say(subjects.node_heartbeat(node.node_id), node.model_dump_json().encode())

    async def tell(self, node: Node) -> bool:
        """Write the entry; return whether it was taken."""
        try:
            await self._bus.js.publish(
                self._key(node), node.model_dump_json().encode(), timeout=1.0, stream=_STREAM, msg_ttl=_ENTRY_TTL,
                headers=mark(self._bus.service),
            )  # fmt: skip
        except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            _log.warning("the node cannot announce itself", extra={"why": str(error)})
            return False
        return True

    async def leave(self) -> None:
        """Delete the entry."""
        with contextlib.suppress(nats.errors.Error, JetStreamError, TimeoutError, OSError):
            await self._bus.js.publish(
                self._key(self._describe()), b"", timeout=1.0, stream=_STREAM, headers={"KV-Operation": "DEL"}
            )

    @staticmethod
    def _key(node: Node) -> str:
        return f"$KV.{subjects.NODES_BUCKET}.{node.node_id}"


class OtherNodes:
    """The other media nodes that say that they take connections.

    One is forgotten when this node's own heartbeats came back for a second and none of its: where those do not come
    back either, it is NATS that is silent.
    """

    def __init__(self, bus: Bus, node_id: str) -> None:
        self._bus = bus
        self._node_id = node_id
        self._heard: dict[str, float] = {}
        self._echo = float("-inf")
        """When this node's own heartbeat came back last."""

    def any(self) -> bool:
        """Whether there is one that clients can go to."""
        return any(self._echo - at < _SILENT_SECONDS for at in self._heard.values())

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen to them while the context is open."""
        subscription = await self._bus.listen(subjects.node_heartbeat("*"), self._hear)
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
        now = asyncio.get_running_loop().time()
        if node.node_id == self._node_id:
            self._echo = now
        elif node.draining or node.sessions >= node.capacity:
            self._heard.pop(node.node_id, None)
        else:
            self._heard[node.node_id] = now


_STREAM: Final = f"KV_{subjects.NODES_BUCKET}"


async def renew(bus: Bus, holder: str, leases: Iterable[Lease], ended: Iterable[Ended] = ()) -> None:
    """Renew the leases once, and say which have ended.

    If NATS is away that is lost: the next renewal makes up for it, and what has ended lapses.
    """

    def partition(one: Lease | Ended) -> int:
        return subjects.partition_of(one.space_id, bus.settings.partitions)

    async def say(number: int, **those: tuple[Lease, ...] | tuple[Ended, ...]) -> None:
        renewal = Renewal.model_validate({"holder": holder, "leases": (), **those})
        with contextlib.suppress(nats.errors.Error, OSError):
            await bus.say(subjects.presence(number), renewal.model_dump_json().encode())

    for number, group in itertools.groupby(sorted(leases, key=partition), partition):
        those = tuple(group)
        for start in range(0, len(those), _LEASES):
            await say(number, leases=those[start : start + _LEASES])
    for number, gone in itertools.groupby(sorted(ended, key=partition), partition):
        over = tuple(gone)
        for start in range(0, len(over), _LEASES):
            await say(number, ended=over[start : start + _LEASES])
