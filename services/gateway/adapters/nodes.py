"""Which media nodes live, from their bucket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import nats.errors
from nats.js.errors import Error as JetStreamError
from pydantic import ValidationError

from contracts import subjects
from contracts.media.v1 import Node
from libs.bus import Bus, Unavailable

_log = logging.getLogger(__name__)
_FRESH = 0.25


class Nodes:
    """The live media nodes; read again when what is known is older than a quarter of a second."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._lock = asyncio.Lock()
        self._known: list[Node] = []
        self._read_at = float("-inf")

    async def by_load(self) -> Sequence[Node]:
        """Nodes that take connections, the least loaded first. Raises Unavailable."""
        await self._refresh()
        open_nodes = [node for node in self._known if not node.draining and node.sessions < node.capacity]
        return sorted(open_nodes, key=lambda node: node.sessions / node.capacity)

    async def all(self) -> Sequence[Node]:
        """Every live node. Raises Unavailable."""
        await self._refresh()
        return list(self._known)

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
        bucket = await self._bus.js.key_value(subjects.NODES_BUCKET)
        watcher = await bucket.watchall(ignore_deletes=True)
        nodes: list[Node] = []
        try:
            async for entry in watcher:
                if entry is None:  # everything there was has been told
                    break
                try:
                    nodes.append(Node.model_validate_json(entry.value or b""))
                except ValidationError as error:
                    _log.warning("a media node describes itself wrongly", extra={"key": entry.key, "why": str(error)})
        finally:
            await watcher.stop()  # type: ignore[no-untyped-call]
        return nodes
