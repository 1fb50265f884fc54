"""Deleting what is too old to be sent again."""

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
from services.notifications.domain.news import WORTH_SECONDS

_log = logging.getLogger(__name__)
_EVERY: Final = 600.0
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
