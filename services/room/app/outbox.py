"""Events that no fact stands for, kept until NATS takes them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from contracts.envelope import Event
from libs.bus import Bus, Unavailable
from libs.ids import new_id

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 200


class Outbox:
    """Events in the order in which they were put here."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._urgent: deque[tuple[Event, str]] = deque()
        self._events: deque[tuple[Event, str]] = deque()
        self._publishing = asyncio.Lock()

    def put(self, event: Event) -> None:
        self._events.append((event, new_id()))

    def put_first(self, event: Event) -> None:
        """Have an event pass those that may be many: a count does not wait until a crowd has been told one by one."""
        self._urgent.append((event, new_id()))

    async def publish(self, most: int | None = None) -> None:
        """Publish all events, or `most` of them; those that NATS does not take now stay for the next time."""
        async with self._publishing:
            published = 0
            while (events := self._urgent or self._events) and (most is None or published < most):
                batch = [events[i] for i in range(min(_AT_ONCE, len(events)))]
                try:
                    await self._bus.publish_events(batch)
                except Unavailable as error:
                    _log.warning("presence is told later", extra={"why": str(error)})
                    return
                published += len(batch)
                for _ in batch:
                    events.popleft()
