"""Other media nodes that carry the same Spaces: who they are, and speakers' packets to and from them.

Every node that carries a Space hears the Space's subject, and says there that it does: at once, when it hears of a node
it did not know, twice a second while there is another one, and every few seconds while there is none. So a Space that
is on one node costs next to nothing, and packets are published only where somebody hears them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from prometheus_client import Counter

from contracts import relayed, subjects
from contracts.relayed import Kind, Message, Packet
from libs.bus import Bus
from libs.ids import is_id

_log = logging.getLogger(__name__)
_LOOK: Final = 0.1
_SAY_SHARED: Final = 0.5
_SAY_ALONE: Final = 5.0
_FORGET: Final = 2.0
"""Seconds of silence after which a node carries a Space no more."""
_WAITING: Final = 2_000
"""Messages that wait to be published; more are lost, as late audio is worth nothing."""

LOST: Final = Counter("rostrum_relay_packets_lost_total", "Packets for other media nodes that were not published")
REFUSED: Final = Counter("rostrum_relay_messages_refused_total", "Messages of other media nodes that made no sense")


@dataclass(frozen=True, slots=True)
class Said:
    """Packets of one speaker at another node."""

    space_id: str
    session_id: str
    person_id: str
    packets: Sequence[Packet]


@dataclass(slots=True, eq=False)
class _Carried:
    """A Space that this node carries."""

    nodes: dict[str, float] = field(default_factory=dict)
    """The others, and when each was last heard."""
    said_at: float = float("-inf")
    subscription: Subscription | None = None


@dataclass(frozen=True, slots=True)
class _Order:
    space_id: str
    body: bytes
    headers: dict[str, str]
    packets: int = 0


class Neighbours:
    """Methods return at once. `on_change` is called when the nodes that carry a Space have changed, `on_said` with what
    speakers at other nodes say. No message of this node's own comes back."""

    def __init__(self, bus: Bus, node_id: str) -> None:
        self._bus = bus
        self.node_id = node_id
        self._spaces: dict[str, _Carried] = {}
        self._orders: deque[_Order | tuple[str, _Carried]] = deque()
        self._news = asyncio.Event()
        self.on_change: Callable[[str], None] = lambda space_id: None
        self.on_said: Callable[[Said], None] = lambda said: None

    def carry(self, space_id: str) -> None:
        """This node has connections of a Space. Nothing happens the second time."""
        if space_id not in self._spaces:
            carried = self._spaces[space_id] = _Carried()
            self._order((space_id, carried))

    def drop(self, space_id: str) -> None:
        """It has none any more."""
        carried = self._spaces.pop(space_id, None)
        if carried is not None:
            self._say(space_id, Kind.GONE)
            self._order((space_id, carried))

    def shared(self, space_id: str) -> bool:
        """Whether another node carries the Space too."""
        carried = self._spaces.get(space_id)
        return carried is not None and bool(carried.nodes)

    def first(self, space_id: str) -> bool:
        """Whether this node is the first of those that carry the Space, who speaks for them all."""
        carried = self._spaces.get(space_id)
        return carried is None or all(self.node_id < other for other in carried.nodes)

    def put(self, said: Said) -> None:
        """Packets of a speaker here, for the others. What finds no room, or no connection to NATS, is lost."""
        if not self.shared(said.space_id):
            return
        if len(self._orders) >= _WAITING or not self._bus.is_connected:
            LOST.inc(len(said.packets))
            return
        headers = {
            subjects.HEADER_NODE: self.node_id,
            subjects.HEADER_SESSION: said.session_id,
            subjects.HEADER_PERSON: said.person_id,
        }
        for start in range(0, len(said.packets), relayed.MAX_PACKETS):
            part = said.packets[start : start + relayed.MAX_PACKETS]
            body = relayed.encode(Message(Kind.AUDIO, part))
            self._order(_Order(said.space_id, body, headers, len(part)))

    async def run(self) -> None:
        """Publishes and listens, for ever."""

        def reconnected() -> None:
            for carried in self._spaces.values():
                carried.said_at = float("-inf")

        with self._bus.on_reconnect(reconnected):
            looking = asyncio.create_task(self._look())
            try:
                while True:
                    await self._news.wait()
                    self._news.clear()
                    while self._orders:
                        await self._obey(self._orders.popleft())
            finally:
                looking.cancel()

    # -- to the others -----------------------------------------------------------------------------------------

    def _order(self, order: _Order | tuple[str, _Carried]) -> None:
        self._orders.append(order)
        self._news.set()

    def _say(self, space_id: str, kind: Kind) -> None:
        self._order(_Order(space_id, relayed.encode(Message(kind)), {subjects.HEADER_NODE: self.node_id}))

    async def _publish(self, space_id: str, kind: Kind) -> None:
        body, headers = relayed.encode(Message(kind)), {subjects.HEADER_NODE: self.node_id}
        await self._bus.nc.publish(subjects.relayed_audio(space_id), body, headers=headers)

    async def _obey(self, order: _Order | tuple[str, _Carried]) -> None:
        try:
            if isinstance(order, _Order):
                subject = subjects.relayed_audio(order.space_id)
                await self._bus.nc.publish(subject, order.body, headers=order.headers)
            else:
                await self._listen(*order)
        except (nats.errors.Error, OSError) as error:
            if isinstance(order, _Order):
                LOST.inc(order.packets)
            _log.debug("other media nodes are not reached: %s", error)

    async def _listen(self, space_id: str, carried: _Carried) -> None:
        """Subscribes, or where the Space was dropped, ends the subscription."""
        if self._spaces.get(space_id) is carried:
            if carried.subscription is None:
                subject = subjects.relayed_audio(space_id)
                carried.subscription = await self._bus.nc.subscribe(subject, cb=self._hear)
                carried.said_at = asyncio.get_running_loop().time()
                await self._publish(space_id, Kind.HERE)
        elif carried.subscription is not None:
            await carried.subscription.unsubscribe()

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_LOOK)
            now = loop.time()
            for space_id, carried in tuple(self._spaces.items()):
                silent = [node for node, at in carried.nodes.items() if now - at > _FORGET]
                for node in silent:
                    del carried.nodes[node]
                if silent:
                    self.on_change(space_id)
                if now - carried.said_at >= (_SAY_SHARED if carried.nodes else _SAY_ALONE):
                    carried.said_at = now
                    if carried.subscription is None:
                        self._order((space_id, carried))  # NATS was away
                    else:
                        self._say(space_id, Kind.HERE)

    # -- from the others ---------------------------------------------------------------------------------------

    async def _hear(self, msg: Msg) -> None:
        headers = msg.headers or {}
        node_id = headers.get(subjects.HEADER_NODE)
        space_id = msg.subject.rpartition(".")[2]
        carried = self._spaces.get(space_id)
        if node_id == self.node_id or carried is None:
            return
        session_id = headers.get(subjects.HEADER_SESSION, "")
        person_id = headers.get(subjects.HEADER_PERSON, "")
        try:
            message = relayed.decode(msg.data)
            if not node_id or (message.packets and not (is_id(session_id) and is_id(person_id))):
                raise ValueError("a message without its headers")
        except ValueError as error:
            REFUSED.inc()
            _log.debug("a message of another media node makes no sense: %s", error)
            return
        if message.kind is Kind.GONE:
            if carried.nodes.pop(node_id, None) is not None:
                self.on_change(space_id)
            return
        known = node_id in carried.nodes
        carried.nodes[node_id] = asyncio.get_running_loop().time()
        if not known:
            carried.said_at = carried.nodes[node_id]
            self._say(space_id, Kind.HERE)
            self.on_change(space_id)
        if message.packets:
            self.on_said(Said(space_id, session_id, person_id, message.packets))
