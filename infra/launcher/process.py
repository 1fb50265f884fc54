"""What the launcher knows of one child, and when it is started again. No I/O."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

STEADY_SECONDS: Final = 10.0
"""A process that lived this long after it was ready is forgiven its earlier deaths."""
QUICK_DEATHS: Final = 8
"""So many deaths in a row, each before the process was steady, and the launcher gives up."""
FIRST_DELAY_SECONDS: Final = 0.1
LONGEST_DELAY_SECONDS: Final = 5.0


def restart_delay(deaths: int) -> float:
    """Seconds to wait before the restart after so many quick deaths in a row: none after the first, then doubling."""
    if deaths <= 1:
        return 0.0
    return min(FIRST_DELAY_SECONDS * 2.0 ** (deaths - 2), LONGEST_DELAY_SECONDS)


@dataclass(slots=True)
class Process:
    """A child process, through all its restarts."""

    name: str
    pid: int | None = None
    started_at: float = 0.0
    """Loop time, seconds."""
    ready_at: float | None = None
    deaths: int = 0
    """Quick deaths in a row."""
    restarts: int = 0
    info: dict[str, Any] = field(default_factory=dict)
    """What it said when it became ready, say the port of its health page."""
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)
    is_gone: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.is_gone.set()

    def asked_for(self) -> None:
        """The fork server was asked to start it."""
        self.is_gone.clear()

    def started(self, pid: int, now: float) -> None:
        """It runs, and is not ready yet."""
        self.pid, self.started_at, self.ready_at = pid, now, None

    def became_ready(self, info: dict[str, Any], now: float) -> None:
        """It serves."""
        self.info, self.ready_at = info, now
        self.is_ready.set()

    def died(self, now: float) -> float | None:
        """It is gone. Seconds until it is to be started again, or None to give up."""
        steady = self.ready_at is not None and now - self.ready_at >= STEADY_SECONDS
        self.deaths = 1 if steady else self.deaths + 1
        self.pid = self.ready_at = None
        self.is_ready.clear()
        self.is_gone.set()
        if self.deaths >= QUICK_DEATHS:
            return None
        self.restarts += 1
        return restart_delay(self.deaths)
