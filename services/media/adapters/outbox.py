"""Media's events on their way to the stream: in order, bounded, and never in the way of audio."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from prometheus_client import Counter

from contracts.envelope import Event
from libs.bus import Bus, Unavailable
from libs.ids import new_id

_log = logging.getLogger(__name__)

LOST: Final = Counter("rostrum_media_events_lost_total", "Events of media that were not published", ["name"])


class Outbox:
    """Takes events at once and publishes one after the other; at most `waiting` of them wait."""

    def __init__(self, bus: Bus, waiting: int = 10_000) -> None:
        self._bus = bus
        self._queue: asyncio.Queue[Event] = asyncio.Queue(waiting)

    def put(self, event: Event) -> None:
        """Never waits; an event that finds no room is lost and counted."""
        try:
            self._queue.put_nowait(event)
        except asyncio.QueueFull:
            LOST.labels(event.name).inc()

    async def run(self) -> None:
        """Publishes what comes, for ever."""
        while True:
            event = await self._queue.get()
            try:
                await self._bus.publish_event(event, id=new_id())
            except Unavailable as error:
                LOST.labels(event.name).inc()
                _log.warning("%s.%s is not published", event.context, event.name, extra={"why": str(error)})
            finally:
                self._queue.task_done()

    async def drained(self) -> None:
        """Waits until nothing waits."""
        await self._queue.join()
