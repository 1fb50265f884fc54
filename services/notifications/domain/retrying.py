"""When something that failed is tried again, and when no longer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_FIRST: Final = 5.0
_FACTOR: Final = 3.0


@dataclass(frozen=True, slots=True)
class Retrying:
    """All in seconds."""

    first: float = _FIRST
    longest: float = 3600.0
    """The longest pause between two attempts of one event."""
    give_up: float = 5 * 86_400.0
    """For how long an event is tried, and an address where nothing succeeds."""
    hold: float = 600.0
    """For how long an event that an address refuses, while it takes others, holds back those behind it."""
    doubt: int = 5
    """So many failures in a row, and an address is taken to be away: one attempt at a time finds out."""

    def pause(self, attempt: int, jitter: float, asked: float | None = None) -> float:
        """Before the next attempt, after this many failed. `jitter` is a number between 0 and 1, `asked` what the
        address wants."""
        pause = min(self.first * _FACTOR ** min(attempt - 1, 20), self.longest) * (0.9 + 0.2 * jitter)
        return pause if asked is None else min(max(pause, asked), self.longest)
