"""How much one person, or one address, may ask for: a bucket of tokens each, filled evenly; and what is told of it."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from libs.refusal import Refusal

_REMEMBERED = 50_000


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
        if len(self._buckets) > _REMEMBERED:
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
