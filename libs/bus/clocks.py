"""Whether this machine's clock is so late that NATS's streams show what it says as old, which readers refuse.

NATS's clock is that of whoever leads the stream: it stamps messages by it, and answers questions about the stream.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import datetime
from typing import Final

import nats.errors
from nats.aio.client import Client

from contracts import subjects
from libs.bus.origin import LATE

_log = logging.getLogger(__name__)
_EVERY: Final = 5.0
_TOO_LATE: Final = LATE - 10
"""Seconds; NATS may take as long as is missing to `LATE` until it stores a message."""
_STREAMS: Final = (subjects.EVENTS_STREAM, subjects.CAPTURE_STREAM)
"""Where messages say when they were sent; in a cluster each may be led by another server."""
_now = time.time


class LateClock:
    """Compares the clocks for as long as `run` runs."""

    def __init__(self, nc: Client, api: str) -> None:
        self._nc = nc
        self._api = api
        self._late: dict[str, float] = {}
        """Seconds, by stream."""

    def trouble(self) -> str | None:
        """For readiness: how late this machine's clock is, where that is too much."""
        if not self._late:
            return None
        late = max(self._late.values())
        return (
            f"this machine's clock is {late:.0f} s behind that of NATS, and from {LATE:.0f} s on its messages "
            "are refused: set the clock"
        )

    async def run(self) -> None:
        """Compare until cancelled."""
        while True:
            for stream in _STREAMS:
                try:
                    await self._look(stream)
                except (nats.errors.Error, TimeoutError, OSError, KeyError, ValueError) as error:
                    _log.debug("the clock of %s is not known: %s", stream, error)
            await asyncio.sleep(_EVERY)

    async def _look(self, stream: str) -> None:
        asked = _now()
        answer = await self._nc.request(f"{self._api}.STREAM.INFO.{stream}", b"", timeout=2.0)
        answered = _now()
        then = datetime.fromisoformat(json.loads(answer.data)["ts"]).timestamp()
        # The answer was made between the two readings, so only what holds for both is certain.
        if then - answered > _TOO_LATE:
            if stream not in self._late:
                _log.error("this machine's clock is %.0f s behind that of NATS", then - answered)
            self._late[stream] = then - answered
        elif then - asked <= _TOO_LATE:
            self._late.pop(stream, None)
