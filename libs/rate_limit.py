"""How much one person, or one address, may ask for, and what is told of it.

What they have is a bucket of tokens that fills evenly (`RateLimit`), or a number in each window of time (`Windows`).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, time
from typing import Final

from libs.refusal import Refusal

REMEMBERED: Final = 50_000
"""Keys of one limit; beyond that, those that have most of theirs back are forgotten."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What somebody has left, for the `RateLimit` fields."""

    policy: str
    limit: int
    seconds: int | None
    """In which the whole bucket fills; None where what is open is counted."""
    remaining: int
    reset: int | None
    """Seconds until all of it is there again; None where that depends on what is closed."""


class QuotaSpent(Refusal):
    """Nothing is left. `retry_after` is in seconds."""

    def __init__(self, quota: Quota, retry_after: float, detail: str | None = None) -> None:
        wait = max(1, math.ceil(retry_after))
        super().__init__("too_many_requests", detail or f"That was too much at once; wait {wait} s.", retry=True)
        self.quota = quota
        self.retry_after = wait


class RateLimit:
    """At most `burst` requests at once and `per_second` in the long run, per key. `clock` counts seconds."""

    def __init__(
        self, per_second: float, burst: int, clock: Callable[[], float] = monotonic, *, policy: str = "commands"
    ) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._clock = clock
        self.policy = policy
        self._seconds = max(1, math.ceil(burst / per_second))
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> Quota:
        """Count one request, and tell what is left. Refuses: too_many_requests (QuotaSpent)."""
        now = self._clock()
        tokens, at = self._buckets.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._per_second)
        allowed = tokens >= 1
        if allowed:
            tokens -= 1
        self._buckets[key] = (tokens, now)
        if len(self._buckets) > REMEMBERED:
            # The one who was quiet longest has a full bucket again, as good as none.
            self._buckets.popitem(last=False)
        reset = math.ceil((self._burst - tokens) / self._per_second)
        quota = Quota(self.policy, int(self._burst), self._seconds, int(tokens), reset)
        if not allowed:
            raise QuotaSpent(quota, (1 - tokens) / self._per_second)
        return quota

    def give_back(self, key: str) -> None:
        """Count one request less: nothing came of it."""
        tokens, at = self._buckets[key]
        self._buckets[key] = (min(self._burst, tokens + 1), at)


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
