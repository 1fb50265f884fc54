"""Whether this machine's clock is so far from NATS's that what it says cannot be right.

What is said by a clock that is late looks old in NATS's streams, and readers refuse it. By one that is ahead it is
taken, with times that have not come yet: Spaces start too early, tokens end too early, and captions come too late.

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
_TOO_FAR: Final = LATE - 10
"""Seconds; NATS may take as long as is missing to `LATE` until it stores a message."""
_FAR: Final = 20.0
"""Seconds from which on it is logged: times of two machines are compared here and there."""
_STREAMS: Final = (subjects.EVENTS_STREAM, subjects.CAPTURE_STREAM)
"""Where messages say when they were sent; in a cluster each may be led by another server."""
_now = time.time


class ClockCheck:
    """Compares the clocks for as long as `run` runs."""

    def __init__(self, nc: Client, api: str) -> None:
        self._nc = nc
        self._api = api
        self._late: dict[str, float] = {}
        """Seconds, by stream, where that is far; less than nothing where this machine is ahead."""

    def trouble(self) -> str | None:
        """For readiness: how late this machine's clock is, or how much ahead, where that is too much."""
        late = max(self._late.values(), key=abs, default=0.0)
        if late > _TOO_FAR:
            return (
                f"this machine's clock is {late:.0f} s behind that of NATS, and from {LATE:.0f} s on its messages "
                "are refused: set the clock"
            )
        if late < -_TOO_FAR:
            return f"this machine's clock is {-late:.0f} s ahead of that of NATS, and all its times are: set the clock"
        return None

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
        at_least, at_most = then - answered, then - asked
        if at_least > _FAR or at_most < -_FAR:
            late = at_least if at_least > _FAR else at_most
            if stream not in self._late or (abs(late) > _TOO_FAR) != (abs(self._late[stream]) > _TOO_FAR):
                how = "behind" if late > 0 else "ahead of"
                _log.error("this machine's clock is %.0f s %s that of NATS: set the clock", abs(late), how)
            self._late[stream] = late
        elif at_least >= -_FAR and at_most <= _FAR:
            self._late.pop(stream, None)
