"""Who is connected at which media node, and telling them when they must move.

A node that died takes its connections with it, and WebRTC needs seconds to notice. The gateway knows sooner, and says
so on the live events of exactly the clients that had a connection there: `media.node_lost` (connect again), or before
a node stops `media.node_draining` (connect elsewhere, then hang up). Both are news of this moment for one client, not
events of the Space: they are not in the EVENTS stream and carry no id, so that `Last-Event-ID` stays what it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from contracts.envelope import Event
from contracts.media.v1 import Connection, ConnectionsQuery, Disconnected, Node, NodeNews, NodeNewsName
from libs.bus import Bus, Unavailable
from libs.refusal import Refusal
from services.gateway.app.clients import Client
from services.gateway.app.frames import Frame, frame_of
from services.gateway.app.watched import WatchedSpaces

_log = logging.getLogger(__name__)
_PAGE: Final = 1000
_REMEMBER: Final = 15.0
"""Seconds for which a client whose live events were just away is still told."""


@dataclass(slots=True)
class _NodeConnections:
    """A node's connections, as far as this gateway knows them."""

    boot: str
    seen: int = 0
    """The number of the newest connection that the node told of."""
    draining: bool = False
    asking: bool = False
    by_session: dict[str, Connection] = field(default_factory=dict)
    spaces: Counter[str] = field(default_factory=Counter)

    def add(self, connection: Connection) -> None:
        self.discard(connection.session_id)
        self.by_session[connection.session_id] = connection
        self.spaces[connection.space_id] += 1

    def knows(self, connection: Connection) -> bool:
        """Whether it is this one, or a later one, that is known under its session."""
        known = self.by_session.get(connection.session_id)
        return known is not None and known.number >= connection.number

    def discard(self, session_id: str) -> None:
        connection = self.by_session.pop(session_id, None)
        if connection is None:
            return
        self.spaces[connection.space_id] -= 1
        if not self.spaces[connection.space_id]:
            del self.spaces[connection.space_id]


@dataclass(frozen=True, slots=True)
class _RecentNews:
    """What was told a moment ago, for clients whose live events were just away."""

    at: float
    news: NodeNewsName
    node_id: str
    connections: tuple[Connection, ...]


class Connections:
    """Fed by what this gateway sets up, by heartbeats (a node that took connections from others is asked for them), and
    by the event stream (who hung up). So it is complete in every gateway, also in one that has just started: that one
    is not ready before."""

    def __init__(self, bus: Bus, spaces: WatchedSpaces) -> None:
        self._bus = bus
        self._spaces = spaces
        self._nodes: dict[str, _NodeConnections] = {}
        self._recent: deque[_RecentNews] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._complete = False

    def lack(self) -> str | None:
        """What is missing until the nodes that were heard first have told their connections."""
        self._complete = self._complete or not self._tasks
        return None if self._complete else "learns who is connected at which media node"

    def carrying(self, space_id: str) -> list[str]:
        """The nodes with connections of a Space, the one with the most first."""
        counts = {node_id: at.spaces[space_id] for node_id, at in self._nodes.items() if at.spaces[space_id]}
        return sorted(counts, key=lambda node_id: -counts[node_id])

    def holding(self, session_id: str) -> str | None:
        """The node that has this connection, as far as is known here."""
        return next((node_id for node_id, at in self._nodes.items() if session_id in at.by_session), None)

    async def catch_up(self) -> None:
        """Ask every node for what it has taken through other gateways since its last heartbeat."""
        await asyncio.gather(*(self._ask(node_id, at) for node_id, at in self._nodes.items()))

    def opened(self, node_id: str, boot: str, connection: Connection) -> None:
        """A connection was set up through this gateway."""
        at = self._at(node_id, boot)
        at.add(connection)
        if at.draining:
            self._tell(NodeNewsName.DRAINING, node_id, (connection,))

    def heard(self, node: Node) -> None:
        """A node's heartbeat."""
        at = self._at(node.node_id, node.boot)
        if node.opened > at.seen and not at.asking:
            at.asking = True
            task = asyncio.create_task(self._ask(node.node_id, at))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        if node.draining and not at.draining:
            at.draining = True
            self._tell(NodeNewsName.DRAINING, node.node_id, tuple(at.by_session.values()))

    def lost(self, node: Node) -> None:
        """A node is gone, and its connections with it."""
        at = self._nodes.pop(node.node_id, None)
        if at is not None:
            self._tell(NodeNewsName.LOST, node.node_id, tuple(at.by_session.values()))

    def hear(self, event: Event) -> None:
        """An event of the stream; most change nothing."""
        if not isinstance(event, Disconnected):
            return
        at = self._nodes.get(event.node_id)
        # What a stopping node cuts off is still wanted, and its clients are told when the node is gone.
        if at is None or (at.draining and event.reason == "failed"):
            return
        known = at.by_session.get(event.session_id)
        # A session of one Idempotency-Key may have another connection by now.
        if known is None or not event.number or (event.boot, event.number) == (at.boot, known.number):
            at.discard(event.session_id)
            if known is not None and event.direction == "subscribe":
                self._hung_up(known, event)

    def _hung_up(self, connection: Connection, event: Disconnected) -> None:
        """Tell whoever listened over a connection that it is gone: the event names nobody."""
        whose = {connection.person_id, connection.presence_session} - {None}
        for client in self._spaces.clients(connection.space_id):
            if {client.viewer.person_id, client.session} & whose:
                client.tell(frame_of(None, event))

    def remind(self, space_id: str, client: Client) -> None:
        """Tell a client that has just opened its live events what it may have missed."""
        self._forget_old()
        for news in self._recent:
            here = [connection for connection in news.connections if connection.space_id == space_id]
            self._offer(news.news, news.node_id, here, (client,))

    def _at(self, node_id: str, boot: str) -> _NodeConnections:
        at = self._nodes.get(node_id)
        if at is None or (boot and at.boot != boot):
            at = self._nodes[node_id] = _NodeConnections(boot)
        return at

    async def _ask(self, node_id: str, at: _NodeConnections) -> None:
        try:
            while self._nodes.get(node_id) is at:
                answer = (await self._bus.ask(ConnectionsQuery(after=at.seen), route=node_id, timeout=1.0)).result
                if answer.node.boot != at.boot:
                    return
                fresh = tuple(c for c in answer.connections if not at.knows(c))
                for connection in fresh:
                    at.add(connection)
                if at.draining:
                    self._tell(NodeNewsName.DRAINING, node_id, fresh)
                if len(answer.connections) < _PAGE:
                    at.seen = max(at.seen, answer.node.opened)
                    return
                at.seen = answer.connections[-1].number
        except (Refusal, Unavailable) as error:
            _log.info("media node %s did not tell its connections", node_id, extra={"why": str(error)})
        finally:
            at.asking = False

    def _tell(self, news: NodeNewsName, node_id: str, connections: tuple[Connection, ...]) -> None:
        if not connections:
            return
        self._forget_old()
        self._recent.append(_RecentNews(asyncio.get_running_loop().time(), news, node_id, connections))
        by_space: defaultdict[str, list[Connection]] = defaultdict(list)
        for connection in connections:
            by_space[connection.space_id].append(connection)
        told = 0
        for space_id, those in by_space.items():
            told += self._offer(news, node_id, those, self._spaces.clients(space_id))
        _log.info("%s: told %d live streams", news, told, extra={"node": node_id, "connections": len(connections)})

    @staticmethod
    def _offer(news: NodeNewsName, node_id: str, connections: Iterable[Connection], clients: Iterable[Client]) -> int:
        """Tell those of the clients whose connections these are; how many that was."""
        owned: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for connection in connections:
            for owner in (connection.person_id, connection.presence_session):
                if owner is not None:
                    owned[owner][connection.session_id] = None
        told = 0
        for client in clients:
            mine = owned.get(client.viewer.person_id or "", {}) | owned.get(client.session or "", {})
            if mine:
                data = NodeNews(node_id=node_id, sessions=tuple(mine)).model_dump_json()
                client.tell(Frame(None, news, data))
                told += 1
        return told

    def _forget_old(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._recent and now - self._recent[0].at > _REMEMBER:
            self._recent.popleft()
