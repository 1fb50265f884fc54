"""How many commands one person may send: a bucket of tokens each, filled evenly."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from libs.bus import Refusal

_REMEMBERED = 10_000


class Pace:
    """At most `burst` commands at once and `per_second` in the long run, per key. `clock` counts seconds."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = monotonic) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        """Count one command. Refuses: too_many_requests."""
        now = self._clock()
        tokens, at = self._buckets.pop(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._per_second)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > _REMEMBERED:
            # The one who was quiet longest has a full bucket again, as good as none.
            self._buckets.popitem(last=False)
        if not allowed:
            raise Refusal("too_many_requests", "That was too much at once; wait a second.", retry=True)
