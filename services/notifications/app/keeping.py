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

_log = logging.getLogger(__name__)
_EVERY: Final = 600.0


class Keeping:
    """Keeps events and the log for so many `seconds`, and nothing in the files of what was deleted."""

    def __init__(self, deliveries: Deliveries, seconds: float, *, now: Callable[[], datetime]) -> None:
        self._deliveries = deliveries
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
                await self._deliveries.purge(self._now().timestamp() - self._seconds)
                self._unwiped.clear()
                await self._deliveries.wipe()
            except TablesAway as error:
                _log.warning("what is old is deleted later", extra={"why": str(error)})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await self._unwiped.wait()
