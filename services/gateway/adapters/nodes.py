"""Which media nodes live: their heartbeats say so, and their bucket until they are heard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import nats.errors
from nats.aio.msg import Msg
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError
from pydantic import ValidationError

from contracts import subjects
from contracts.media.v1 import ConnectionsQuery, Node
from libs.bus import Bus, Pulse, Unavailable
from libs.bus.origin import was_published

_log = logging.getLogger(__name__)
_STREAM: Final = f"KV_{subjects.NODES_BUCKET}"
_FRESH: Final = 0.25
_LOOK: Final = 0.04
_SUSPECT: Final = 0.3
"""Seconds of silence after which a node is asked; they say that they live every 0.2 s."""
_PROBE: Final = 0.4
_SILENT: Final = 1.5
"""Seconds of silence after which a node is lost although NATS still has its connection: a machine that went away, or
a process that hangs. Longer than a busy machine makes a healthy one wait."""
_PING: Final = 0.1
_UNANSWERED: Final = 0.3
"""NATS is silent when it owes an answer for so many seconds. Nobody can be heard meanwhile."""
_BROKEN: Final = 4.0
"""Seconds of silence of NATS after which it, or nodes, may have given up connections that are whole."""
_PROBATION: Final = 10.0
_FORGOTTEN: Final = 600.0
"""Seconds after which nothing is known of a lost node any more: nodes may have another name at each start. Far longer
than its entry in the bucket lives."""
_SETTLED: Final = 0.4
_RECONNECTED: Final = 3.0
"""Seconds after NATS was away or silent for long in which nobody is thought lost: nodes come back at their own pace."""


@dataclass(slots=True)
class _Life:
    """A node that has been heard, and when it was last."""

    node: Node
    at: float
    asked: bool = False


class Nodes:
    """The live media nodes.

    Those that are heard, or while none is, those that the bucket names: it is read again when what is known is older
    than a quarter of a second, and a node that died is left out although its entry takes three seconds to lapse.
    A process that was killed is noticed within 0.4 s: when it is silent for 0.3 s it is asked, and NATS, which lost
    its connection, says at once that nobody is there. While NATS owes us an answer ourselves, time stands still for all
    nodes: their silence is its silence.

    `on_heard` is called with every heartbeat, `on_lost` with what a node last said of itself.
    """

    def __init__(self, bus: Bus, on_heard: Callable[[Node], None], on_lost: Callable[[Node], None]) -> None:
        self._bus = bus
        self._on_heard = on_heard
        self._on_lost = on_lost
        self._lock = asyncio.Lock()
        self._known: list[Node] = []
        self._read_at = float("-inf")
        self._lives: dict[str, _Life] = {}
        self._dead: dict[str, str] = {}
        """Which boot of a node was lost, until the node is heard again, or its entry in the bucket has lapsed."""
        self._lost_at: dict[str, float] = {}
        """When a node was lost."""
        self._pulse = Pulse(bus, _PING)
        self._silent_since: float | None = None
        """Since when NATS is silent."""
        self._trusted_from = float("-inf")
        self._settled = asyncio.Event()
        """Set when everybody who lives has been heard."""
        self._asking: set[asyncio.Task[None]] = set()

    async def by_load(self) -> Sequence[Node]:
        """Nodes that are not about to stop, the least loaded first, full ones too. Raises Unavailable."""
        open_nodes = [node for node in await self.all() if not node.draining]
        return sorted(open_nodes, key=lambda node: node.sessions / node.capacity)

    async def all(self) -> Sequence[Node]:
        """Every live node. Raises Unavailable."""
        await self._settled.wait()
        if self._lives:
            return [life.node for life in self._lives.values()]
        await self._refresh()
        return [node for node in self._known if self._dead.get(node.node_id) != node.boot]

    def lack(self) -> str | None:
        """What is missing until all who live have been heard."""
        return None if self._settled.is_set() else "listens for media nodes"

    def died_lately(self, node_id: str) -> bool:
        """Whether it was lost a few seconds ago: it may be back, and is the last to be trusted with a Space."""
        return asyncio.get_running_loop().time() - self._lost_at.get(node_id, float("-inf")) < _PROBATION

    # -- heartbeats --------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Listen to heartbeats and miss them, for ever."""
        loop = asyncio.get_running_loop()

        def reconnected() -> None:
            self._trusted_from = loop.time() + _RECONNECTED

        heartbeats = await self._bus.listen(subjects.node_heartbeat("*"), self._hear)
        pulse = asyncio.create_task(self._pulse.run())
        try:
            with self._bus.on_reconnect(reconnected):
                await self._watch(loop)
        finally:
            for task in (pulse, *self._asking):
                task.cancel()
            if not self._bus.nc.is_closed:
                await heartbeats.unsubscribe()

    async def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        began = looked = loop.time()
        while True:
            await asyncio.sleep(_LOOK)
            now = loop.time()
            if now - began > _SETTLED:
                self._settled.set()
            self._look_at_nats(now)
            deaf = self._silent_since is not None or not self._bus.is_connected
            if deaf or now < self._trusted_from or now - looked > _SUSPECT / 2:
                # It was we who heard nothing: that says nothing of them.
                for life in self._lives.values():
                    life.at += now - looked
            looked = now
            if deaf:
                continue
            for life in tuple(self._lives.values()):
                silence = now - life.at
                if silence > _SILENT:
                    self._lose(life, f"nothing heard for {silence:.1f} s")
                elif silence > _SUSPECT and not life.asked:
                    life.asked = True
                    task = asyncio.create_task(self._ask(life))
                    self._asking.add(task)
                    task.add_done_callback(self._asking.discard)

    def _look_at_nats(self, now: float) -> None:
        owed = self._pulse.owed
        if owed > _UNANSWERED:
            self._silent_since = self._silent_since or now - owed
        elif self._silent_since is not None:
            lasted = now - self._silent_since
            self._silent_since = None
            if lasted > _BROKEN:
                self._trusted_from = now + _RECONNECTED
            _log.info("NATS was silent for %.1f s", lasted)

    def _can_tell(self) -> bool:
        """Whether what NATS says of a node can be believed."""
        trusted = asyncio.get_running_loop().time() >= self._trusted_from
        return trusted and self._silent_since is None and self._bus.is_connected

    async def _hear(self, msg: Msg) -> None:
        try:
            node = Node.model_validate_json(msg.data)
        except ValidationError as error:
            _log.warning("a media node describes itself wrongly", extra={"subject": msg.subject, "why": str(error)})
            return
        life = self._lives.get(node.node_id)
        if life is not None and life.node.boot != node.boot:
            self._lose(life, "it was started again")
        self._lives[node.node_id] = _Life(node, asyncio.get_running_loop().time())
        self._dead.pop(node.node_id, None)
        self._on_heard(node)

    async def _ask(self, life: _Life) -> None:
        """Whether there is somebody at all. An answer is as good as a heartbeat, none within the time says nothing."""
        query = ConnectionsQuery(after=life.node.opened)
        subject = query.subject(life.node.node_id)
        try:
            await self._bus.request(subject, query.model_dump_json().encode(), timeout=_PROBE)
        except nats.errors.NoRespondersError:
            if self._can_tell():
                self._lose(life, "it is gone")
        except (nats.errors.Error, TimeoutError, OSError) as error:
            _log.info("media node %s is slow", life.node.node_id, extra={"why": str(error)})
        else:
            life.at = asyncio.get_running_loop().time()
        finally:
            life.asked = False

    def _lose(self, life: _Life, why: str) -> None:
        node_id = life.node.node_id
        if self._lives.get(node_id) is not life:
            return  # heard again meanwhile
        del self._lives[node_id]
        now = asyncio.get_running_loop().time()
        for old in [old for old, at in self._lost_at.items() if now - at > _FORGOTTEN]:
            del self._lost_at[old]
            self._dead.pop(old, None)
        self._dead[node_id] = life.node.boot
        self._lost_at[node_id] = now
        _log.warning("media node %s is lost: %s", node_id, why, extra={"sessions": life.node.sessions})
        self._on_lost(life.node)

    # -- the bucket --------------------------------------------------------------------------------------------

    async def _refresh(self) -> None:
        loop = asyncio.get_running_loop()
        async with self._lock:
            if loop.time() - self._read_at < _FRESH:
                return
            try:
                async with asyncio.timeout(2):
                    self._known = await self._read()
            except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
                raise Unavailable(f"media nodes are not known: {error}") from error
            self._read_at = loop.time()

    async def _read(self) -> list[Node]:
        # Not with a watcher: it may say that it has told everything before its first entry arrives.
        info = await self._bus.js.stream_info(_STREAM, subjects_filter=">")
        entries = await asyncio.gather(*(self._entry(subject) for subject in info.state.subjects or ()))
        return [node for node in entries if node is not None]

    async def _entry(self, subject: str) -> Node | None:
        try:
            entry = await self._bus.js.get_last_msg(_STREAM, subject)
        except NotFoundError:
            return None  # it lapsed meanwhile
        if not entry.data or not was_published(entry.headers):
            return None  # a marker: it was removed, or lapsed
        try:
            return Node.model_validate_json(entry.data)
        except ValidationError as error:
            _log.warning("a media node describes itself wrongly", extra={"subject": subject, "why": str(error)})
            return None
