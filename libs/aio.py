"""What asyncio leaves to everybody."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any


class Rounds:
    """Looks again and again for what is owed: when it is woken, and when the last look said that there will be more."""

    def __init__(
        self,
        look: Callable[[], Awaitable[float | None]],
        *,
        log: logging.Logger,
        later: str,
        away: tuple[type[Exception], ...],
        pause: float,
        wake: asyncio.Event | None = None,
    ) -> None:
        """`look` does what is due and returns for how many seconds there will be nothing else; None: until it is woken,
        which others may do by setting the event `wake`. Where it raises one of `away`, `later` says what waits, and it
        looks again after `pause` seconds."""
        self._look = look
        self._log = log
        self._later = later
        self._away = away
        self._pause = pause
        self._wake = asyncio.Event() if wake is None else wake
        self._trouble: str | None = None

    def wake(self) -> None:
        """Look as soon as possible. What is owed must be known before."""
        self._wake.set()

    def trouble(self) -> str | None:
        """Why the last look failed, for a readiness check."""
        return self._trouble

    async def run(self) -> None:
        """For ever."""
        while True:
            self._wake.clear()
            try:
                wait = await self._look()
                self._trouble = None
            except self._away as error:
                trouble, wait = f"{self._later}: {error}", self._pause
                if trouble != self._trouble:  # else every second
                    self._log.warning(self._later, extra={"why": str(error)})
                self._trouble = trouble
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until they are done, whatever they ended with.

    Cancelled again until it helps: up to Python 3.11 `asyncio.wait_for` can swallow a cancellation that arrives
    together with the result it waits for (CPython issue 86296).
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.1)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen
