"""Whether NATS answers. While it does not, it carries nothing, and nobody's silence proves anything."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import nats.errors

from libs.bus.connection import Connection


class Pulse:
    """Pings NATS for as long as `run` runs, `every` so many seconds after the last answer.

    `on_answer` is called with the moment of each answer, by the event loop's clock, and with the seconds since the one
    before.
    """

    def __init__(self, bus: Connection, every: float, on_answer: Callable[[float, float], None] | None = None) -> None:
        self._bus = bus
        self._every = every
        self._on_answer = on_answer
        self._answered: float | None = None
        """When NATS answered last, by the loop's clock; None before `run`."""
        self._asked: float | None = None
        """Since when a ping waits for its answer, or there is no connection."""
        self._connections = 0

    @property
    def silence(self) -> float:
        """Seconds since NATS answered last; also those in which this process itself stood still."""
        return 0.0 if self._answered is None else asyncio.get_running_loop().time() - self._answered

    @property
    def owed(self) -> float:
        """Seconds for which NATS has owed an answer; 0 while it owes none."""
        return 0.0 if self._asked is None else asyncio.get_running_loop().time() - self._asked

    async def run(self) -> None:
        """Ask, for ever."""
        clock = asyncio.get_running_loop().time
        self._answered = clock()

        def reconnected() -> None:
            self._connections += 1

        with self._bus.on_reconnect(reconnected):
            while True:
                if self._asked is None:
                    self._asked = clock()
                if self._bus.is_connected and await self._ping():
                    before, self._answered, self._asked = self._answered, clock(), None
                    if self._on_answer is not None:
                        self._on_answer(self._answered, self._answered - before)
                await asyncio.sleep(self._every)

    async def _ping(self) -> bool:
        """Wait for the answer to one ping; False where the connection that it was sent on is gone."""
        connection = self._connections
        # Not by `flush`: where that is given up or cancelled, the answer that comes after all ends the client's reading
        # loop, and it hears nothing until it has missed two of its own pings.
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        with contextlib.suppress(nats.errors.Error, OSError):
            await self._bus.nc._send_ping(answer)
            while self._bus.is_connected and connection == self._connections:
                await asyncio.wait({answer}, timeout=self._every)
                if answer.done():
                    return True
        return False
