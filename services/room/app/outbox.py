"""Events that no fact stands for, kept until NATS takes them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from itertools import islice
from typing import Final

from prometheus_client import Counter

from contracts.envelope import Event
from libs.bus import Bus, Unavailable
from libs.ids import new_id
from libs.refusal import Refusal

_log = logging.getLogger(__name__)
_AT_ONCE: Final = 200
_FULL: Final = 50_000
"""Waiting events, each about a kilobyte, from which on joins are refused while the stream takes none."""
_MOST: Final = 200_000
"""Waiting events from which on further ones are lost."""
LOST: Final = Counter("rostrum_presence_events_lost_total", "Events of presence that were not published", ["name"])


class Outbox:
    """A bounded queue of events, in the order in which they were put."""

    def __init__(self, bus: Bus, *, full: int = _FULL, most: int = _MOST) -> None:
        self._bus = bus
        self._full = full
        self._most = most
        self._urgent: dict[str | None, tuple[Event, str]] = {}
        """Of each Space the newest."""
        self._events: deque[tuple[Event, str]] = deque()
        self._publishing = asyncio.Lock()
        self._refused = False
        """Whether the stream took nothing when it was last tried."""

    def __len__(self) -> int:
        return len(self._urgent) + len(self._events)

    def must_have_room(self) -> None:
        """Refuses: unavailable, while the stream takes nothing and too many events wait."""
        if self._refused and len(self._events) >= self._full:
            raise Refusal(
                "unavailable", "Nobody can join right now: events cannot be published. Try again soon.", retry=True
            )

    def put(self, event: Event) -> None:
        """Take an event. One that finds no room is lost and counted."""
        if len(self._events) >= self._most:
            LOST.labels(event.name).inc()
            return
        self._events.append((event, new_id()))

    def put_first(self, event: Event) -> None:
        """Publish this event before the others, in place of an earlier one of its Space: a count does not wait behind a
        crowd of joins."""
        self._urgent.pop(event.space, None)
        self._urgent[event.space] = (event, new_id())

    async def publish(self, most: int | None = None) -> None:
        """Publish all events, or `most` of them; those that NATS does not take now stay for the next time."""
        async with self._publishing:
            published = 0
            while len(self) and (most is None or published < most):
                urgent = list(islice(self._urgent.items(), _AT_ONCE))
                batch = [one for _, one in urgent] or list(islice(self._events, _AT_ONCE))
                try:
                    await self._bus.publish_events(batch)
                except Unavailable as error:
                    self._refused = True
                    _log.warning("presence is told later", extra={"why": str(error)})
                    return
                self._refused = False
                published += len(batch)
                for space_id, one in urgent:
                    if self._urgent.get(space_id) is one:
                        del self._urgent[space_id]
                for _ in () if urgent else batch:
                    self._events.popleft()
