"""Ids of tokens that were taken back, kept until the tokens end by themselves."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

_MARGIN: Final = timedelta(hours=1)
"""For how long one is kept beyond its end: clocks differ, and a token is good a few seconds longer than it says."""


class Revoked:
    """A set of ids that forgets each once its token is over. One whose end is not known is never forgotten."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._ends: list[tuple[datetime, str]] = []
        """A heap."""

    def __contains__(self, id: object) -> bool:
        return id in self._ids

    def any_of(self, ids: Iterable[str | None]) -> bool:
        """Whether one of these ids was taken back; None is none."""
        return any(id in self._ids for id in ids if id is not None)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, id: str, expires_at: datetime | None, now: datetime) -> None:
        """Add a token that ends at `expires_at`, None where that is not known; forget those that ended before `now`."""
        while self._ends and self._ends[0][0] <= now:
            self._ids.discard(heapq.heappop(self._ends)[1])
        if expires_at is None:
            self._ids.add(id)
        elif id not in self._ids and expires_at.timestamp() + _MARGIN.total_seconds() > now.timestamp():
            self._ids.add(id)
            heapq.heappush(self._ends, (_after(expires_at), id))


def _after(expires_at: datetime) -> datetime:
    try:
        return expires_at + _MARGIN
    except OverflowError:
        return expires_at
