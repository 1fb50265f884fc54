"""When NATS was away. Deadlines stand still meanwhile: nobody can be heard of, and nobody can do anything about it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from libs.bus import Bus, Pulse

_log = logging.getLogger(__name__)

_EVERY: Final = 0.5
_AWAY: Final = 1.5
"""NATS is away when it has answered nothing for so many seconds."""
_REMEMBERED: Final = 8


@dataclass(frozen=True, slots=True)
class Absence:
    """NATS was away, from then on and for so long."""

    number: int
    since: datetime
    lasted: timedelta
    over: float
    """By the event loop's clock."""


class Standstill:
    """Asks NATS for an answer all the time; `now` tells the time (UTC)."""

    def __init__(self, bus: Bus, now: Callable[[], datetime]) -> None:
        self._pulse = Pulse(bus, _EVERY, on_answer=self._answered)
        self._now = now
        self._count = 0
        self.absences: deque[Absence] = deque(maxlen=_REMEMBERED)
        """The last ones that are over, oldest first."""

    @property
    def is_away(self) -> bool:
        """Whether NATS is away now. It is also when this process itself stood still."""
        return self._pulse.silence > _AWAY

    async def run(self) -> None:
        """Ask, for ever."""
        await self._pulse.run()

    def _answered(self, at: float, silence: float) -> None:
        if silence <= _AWAY:
            return
        lasted = timedelta(seconds=silence)
        self._count += 1
        self.absences.append(Absence(self._count, self._now() - lasted, lasted, at))
        _log.warning("NATS was away for %.1f s; deadlines stood still", silence)
