"""How many lookups somebody may make: counted in windows of time that begin with their first one."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import time
from typing import Final

REMEMBERED: Final = 50_000


@dataclass(frozen=True, slots=True)
class Window:
    """What somebody has left. `reset` is the second of the Unix epoch in which the next window may begin."""

    limit: int
    remaining: int
    reset: int
    allowed: bool
    """Whether the request that was just counted may be answered."""


class Windows:
    """At most `limit` requests in `seconds`, per key. `clock` counts seconds of the Unix epoch."""

    def __init__(self, limit: int, seconds: float, clock: Callable[[], float] = time) -> None:
        self._limit = limit
        self.seconds = seconds
        self._clock = clock
        self._counted: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        """When a window ends and what was counted in it, by key; those that end first come first."""

    def __len__(self) -> int:
        return len(self._counted)

    def take(self, who: str, what: str) -> Window:
        """Count one request of somebody for something."""
        now = self._clock()
        while self._counted and next(iter(self._counted.values()))[0] <= now:
            self._counted.popitem(last=False)
        begun = now + self.seconds, 0
        ends, counted = self._counted.get((who, what), begun)
        if not now < ends <= begun[0]:  # it is over, or the clock was set back
            self._counted.pop((who, what), None)
            ends, counted = begun
        allowed = counted < self._limit
        if allowed:
            counted += 1
            self._counted[who, what] = (ends, counted)
        if len(self._counted) > REMEMBERED:
            self._counted.popitem(last=False)
        return Window(self._limit, self._limit - counted, math.ceil(ends), allowed)
