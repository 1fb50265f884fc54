"""Deleting what is too old to be sent again, and saying how old what waits is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from libs.tables import TablesAway
from services.notifications.adapters.deliveries import Deliveries
from services.notifications.adapters.pushes import Pushes
from services.notifications.app.figures import PUSH_OLDEST, PUSH_WAITING, WEBHOOK_OLDEST
from services.notifications.domain.news import WORTH_SECONDS

_log = logging.getLogger(__name__)
_EVERY: Final = 600.0
_COUNT: Final = 5.0
_TOLD: Final = 2 * WORTH_SECONDS
"""Seconds for which it is kept what browsers were told, so that they are not told twice."""


class Keeping:
    """Keeps events and the log for so many `seconds`, and nothing in the files of what was deleted."""

    def __init__(self, deliveries: Deliveries, pushes: Pushes, seconds: float, *, now: Callable[[], datetime]) -> None:
        self._deliveries = deliveries
        self._pushes = pushes
        self._seconds = seconds
        self._now = now
        self._unwiped = asyncio.Event()

    def wipe(self) -> None:
        """Something was deleted that must not be left in the files."""
        self._unwiped.set()

    async def count(self) -> None:
        """Say how much waits and for how long, for ever."""
        while True:
            try:
                oldest = await self._deliveries.oldest()
                waiting, told_of = await self._pushes.waiting()
            except TablesAway:
                pass  # readiness tells why; the figures stay as they were
            else:
                now = self._now().timestamp()
                WEBHOOK_OLDEST.set(0.0 if oldest is None else max(0.0, now - oldest))
                PUSH_OLDEST.set(0.0 if told_of is None else max(0.0, now - told_of))
                PUSH_WAITING.set(waiting)
            await asyncio.sleep(_COUNT)

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                now = self._now().timestamp()
                await self._deliveries.purge(now - self._seconds)
                await self._pushes.purge(now - _TOLD)
                self._unwiped.clear()
                await self._deliveries.wipe()
            except TablesAway as error:
                _log.warning("what is old is deleted later", extra={"why": str(error)})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await self._unwiped.wait()
