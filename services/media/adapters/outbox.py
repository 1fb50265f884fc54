"""Publishes media's events in order, from a bounded queue, without delaying audio."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from prometheus_client import Counter

from contracts.envelope import Event
from libs.bus import Bus, Unavailable
from libs.ids import new_id

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 200
_TRY_FOR: Final = 5.0
"""How many seconds events are tried again while NATS is away. Those that come meanwhile wait."""

LOST: Final = Counter("rostrum_media_events_lost_total", "Events of media that were not published", ["name"])


class Outbox:
    """Takes events at once, and publishes many that wait together; at most `waiting` of them wait."""

    def __init__(self, bus: Bus, waiting: int = 10_000) -> None:
        self._bus = bus
        self._most = waiting
        self._waiting: deque[tuple[Event, str]] = deque()
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()

    def put(self, event: Event) -> None:
        """Take an event without waiting. One that finds no room is lost and counted."""
        if len(self._waiting) >= self._most:
            LOST.labels(event.name).inc()
            return
        self._waiting.append((event, new_id()))
        self._some.set()
        self._none.clear()

    async def run(self) -> None:
        """Publish events, for ever."""
        while True:
            await self._some.wait()
            batch = [self._waiting[number] for number in range(min(_AT_ONCE, len(self._waiting)))]
            await self._publish(batch)
            for _ in batch:
                self._waiting.popleft()
            if not self._waiting:
                self._some.clear()
                self._none.set()

    async def _publish(self, batch: list[tuple[Event, str]]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _TRY_FOR
        while (left := deadline - loop.time()) > 0:
            try:
                await self._bus.publish_events(batch, timeout=left)
                return
            except Unavailable as error:
                why = str(error)
            await asyncio.sleep(0.05)
        _log.warning("%d events are not published", len(batch), extra={"why": why})
        for event, _ in batch:
            LOST.labels(event.name).inc()

    async def drained(self) -> None:
        """Wait until every event is published or lost."""
        await self._none.wait()
