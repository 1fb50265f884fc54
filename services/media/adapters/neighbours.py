"""Other media nodes that carry the same Spaces: who they are, and speakers' packets to and from them. Recording hears
the packets too, where it mixes a Space that is not recorded.

Every node that carries a Space hears the Space's subject, and says there that it does: at once, when it hears of a node
it did not know, twice a second while there is another one, and every few seconds while there is none. So a Space that
is on one node costs next to nothing, and packets are published only where somebody hears them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from prometheus_client import Counter

from contracts import relayed, subjects
from contracts.relayed import Message, RelayedKind, RelayedPacket
from libs.bus import Bus
from libs.ids import is_id

_log = logging.getLogger(__name__)
_LOOK: Final = 0.1
_SAY_SHARED: Final = 0.5
_SAY_ALONE: Final = 5.0
_FORGET: Final = 2.0
"""After so many seconds of silence a node no longer carries a Space."""
_ECHO: Final = 1.0
"""NATS is silent when nothing that this node itself said of a Space came back for so many seconds."""
_ASKS: Final = (RelayedKind.LISTENING, RelayedKind.GONE)
_WAITING: Final = 2_000
"""The most messages that wait to be published; more are lost, as late audio is worth nothing."""

LOST: Final = Counter("rostrum_relay_packets_lost_total", "Packets for other media nodes that were not published")
REFUSED: Final = Counter("rostrum_relay_messages_refused_total", "Messages of other media nodes that made no sense")


@dataclass(frozen=True, slots=True)
class SpeakerPackets:
    """Packets of one speaker, on their way from one node to the others."""

    space_id: str
    session_id: str
    person_id: str
    packets: Sequence[RelayedPacket]


@dataclass(slots=True, eq=False)
class _CarriedSpace:
    """A Space that this node carries."""

    nodes: dict[str, float] = field(default_factory=dict)
    """The other nodes that carry it, and when each was last heard."""
    ears: dict[str, float] = field(default_factory=dict)
    """Who else wants its audio, and when each was last heard."""
    announced_at: float = float("-inf")
    """When this node last said that it carries the Space."""
    echo_at: float = float("-inf")
    """When something that this node said of the Space last came back."""
    subscriptions: tuple[Subscription, ...] = ()

    @property
    def wanted(self) -> bool:
        """Whether anybody wants what speakers here say."""
        return bool(self.nodes or self.ears)


@dataclass(frozen=True, slots=True)
class _Publish:
    """A message to the other nodes that carry a Space."""

    space_id: str
    body: bytes
    headers: dict[str, str]
    packets: int = 0


@dataclass(frozen=True, slots=True)
class _Listen:
    """Subscribe to the Space's subject, or unsubscribe if the Space was dropped."""

    space_id: str
    carried: _CarriedSpace


_Hear = Callable[[Msg], Awaitable[None]]


class Neighbours:
    """All methods except `run` return at once.

    This node's own messages come back too, and tell that NATS is there: while none does, the others' silence is its
    silence, and packets that it could carry only later are not sent.
    """

    def __init__(self, bus: Bus, node_id: str) -> None:
        self._bus = bus
        self.node_id = node_id
        self._spaces: dict[str, _CarriedSpace] = {}
        self._queue: deque[_Publish | _Listen] = deque()
        self._news = asyncio.Event()

    def carry(self, space_id: str) -> None:
        """This node has connections of a Space. A second call does nothing."""
        if space_id not in self._spaces:
            carried = self._spaces[space_id] = _CarriedSpace()
            self._enqueue(_Listen(space_id, carried))

    def drop(self, space_id: str) -> None:
        """This node has no connections of a Space any more."""
        carried = self._spaces.pop(space_id, None)
        if carried is not None:
            self._say(space_id, RelayedKind.GONE)
            self._enqueue(_Listen(space_id, carried))

    def wanted(self, space_id: str) -> bool:
        """Whether another node carries the Space too, or somebody else wants its audio."""
        carried = self._spaces.get(space_id)
        return carried is not None and carried.wanted

    def first(self, space_id: str) -> bool:
        """Whether this node is the first of those that carry the Space, which speaks for them all."""
        carried = self._spaces.get(space_id)
        return carried is None or all(self.node_id < other for other in carried.nodes)

    def put(self, spoken: SpeakerPackets) -> None:
        """Send packets of a speaker here to the others. What finds no room, or no NATS that carries it, is lost."""
        carried = self._spaces.get(spoken.space_id)
        if carried is None or not carried.wanted:
            return
        if len(self._queue) >= _WAITING or not self._bus.is_connected or self._unheard(carried):
            LOST.inc(len(spoken.packets))
            return
        headers = {
            subjects.HEADER_NODE: self.node_id,
            subjects.HEADER_SESSION: spoken.session_id,
            subjects.HEADER_PERSON: spoken.person_id,
        }
        for start in range(0, len(spoken.packets), relayed.MAX_PACKETS):
            part = spoken.packets[start : start + relayed.MAX_PACKETS]
            body = relayed.encode(Message(RelayedKind.AUDIO, part))
            self._enqueue(_Publish(spoken.space_id, body, headers, len(part)))

    async def run(self, *, on_change: Callable[[str], None], on_packets: Callable[[SpeakerPackets], None]) -> None:
        """Publish and listen, for ever.

        `on_change` is called when the nodes that carry a Space have changed, `on_packets` with what speakers at other
        nodes say.
        """

        def reconnected() -> None:
            for carried in self._spaces.values():
                carried.announced_at = float("-inf")

        async def hear(msg: Msg) -> None:
            self._hear(msg, on_change, on_packets)

        with self._bus.on_reconnect(reconnected):
            looking = asyncio.create_task(self._look(on_change))
            try:
                while True:
                    await self._news.wait()
                    self._news.clear()
                    while self._queue:
                        await self._do(self._queue.popleft(), hear)
            finally:
                looking.cancel()

    @staticmethod
    def _unheard(carried: _CarriedSpace) -> bool:
        """Whether NATS is silent, as far as this Space tells; only known while this node says something."""
        return carried.wanted and asyncio.get_running_loop().time() - carried.echo_at > _ECHO

    # -- to the others -----------------------------------------------------------------------------------------

    def _enqueue(self, task: _Publish | _Listen) -> None:
        self._queue.append(task)
        self._news.set()

    def _say(self, space_id: str, kind: RelayedKind) -> None:
        self._enqueue(_Publish(space_id, relayed.encode(Message(kind)), {subjects.HEADER_NODE: self.node_id}))

    async def _do(self, task: _Publish | _Listen, hear: _Hear) -> None:
        try:
            if isinstance(task, _Publish):
                subject = subjects.relayed_audio(task.space_id)
                await self._bus.say(subject, task.body, headers=task.headers)
            else:
                await self._listen(task.space_id, task.carried, hear)
        except (nats.errors.Error, OSError) as error:
            if isinstance(task, _Publish):
                LOST.inc(task.packets)
            _log.debug("other media nodes are not reached: %s", error)

    async def _listen(self, space_id: str, carried: _CarriedSpace, hear: _Hear) -> None:
        if self._spaces.get(space_id) is carried:
            if not carried.subscriptions:
                subject = subjects.relayed_audio(space_id)
                carried.subscriptions = (
                    await self._bus.listen(subject, hear),
                    await self._bus.listen(subjects.wanted_audio(space_id), hear),
                )
                carried.announced_at = carried.echo_at = asyncio.get_running_loop().time()
                body, headers = relayed.encode(Message(RelayedKind.HERE)), {subjects.HEADER_NODE: self.node_id}
                await self._bus.say(subject, body, headers=headers)
        else:
            for subscription in carried.subscriptions:
                await subscription.unsubscribe()

    async def _look(self, on_change: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        looked = loop.time()
        while True:
            await asyncio.sleep(_LOOK)
            now = loop.time()
            since, looked = now - looked, now
            for space_id, carried in tuple(self._spaces.items()):
                changed = False
                for known in (carried.nodes, carried.ears):
                    if self._unheard(carried):
                        for node in known:
                            known[node] += since
                    for node in [node for node, at in known.items() if now - at > _FORGET]:
                        del known[node]
                        changed = True
                if changed:
                    on_change(space_id)
                if now - carried.announced_at >= (_SAY_SHARED if carried.wanted else _SAY_ALONE):
                    carried.announced_at = now
                    if not carried.subscriptions:
                        self._enqueue(_Listen(space_id, carried))  # NATS was away
                    else:
                        self._say(space_id, RelayedKind.HERE)

    # -- from the others ---------------------------------------------------------------------------------------

    def _hear(self, msg: Msg, on_change: Callable[[str], None], on_packets: Callable[[SpeakerPackets], None]) -> None:
        headers = msg.headers or {}
        node_id = headers.get(subjects.HEADER_NODE)
        space_id = msg.subject.split(".")[2]
        carried = self._spaces.get(space_id)
        if carried is None:
            return
        if node_id == self.node_id:
            carried.echo_at = asyncio.get_running_loop().time()
            return
        session_id = headers.get(subjects.HEADER_SESSION, "")
        person_id = headers.get(subjects.HEADER_PERSON, "")
        try:
            message = relayed.decode(msg.data)
            if msg.subject == subjects.wanted_audio(space_id) and message.kind not in _ASKS:
                raise ValueError("whoever only listens says something else")
            if not node_id or (message.packets and not (is_id(session_id) and is_id(person_id))):
                raise ValueError("a message without its headers")
        except ValueError as error:
            REFUSED.inc()
            _log.debug("a message of another media node makes no sense: %s", error)
            return
        others = carried.nodes if msg.subject == subjects.relayed_audio(space_id) else carried.ears
        if message.kind is RelayedKind.GONE:
            if others.pop(node_id, None) is not None:
                on_change(space_id)
            return
        known = node_id in others
        others[node_id] = asyncio.get_running_loop().time()
        if not known:
            # So far this node had said next to nothing that could come back.
            carried.announced_at = carried.echo_at = others[node_id]
            self._say(space_id, RelayedKind.HERE)
            on_change(space_id)
        if message.packets:
            on_packets(SpeakerPackets(space_id, session_id, person_id, message.packets))
