"""How a process ended, and whether the system can go on without more than a restart. No I/O."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.launcher.errors import DataGone, GaveUp, LauncherError, StartFailed

BAD_SETTING: Final = 2
"""Exit code of a service that will not start however often it is tried (`libs.service.EXIT_BAD_SETTING`). A NATS that
crashes in its own code (a panic of Go) has the same one."""
DATA_GONE: Final = 4
"""Exit code of a service whose data was removed; it must not begin with empty files (`libs.service.EXIT_DATA_GONE`)."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a process."""

    name: str
    code: int
    """Its exit code; where a signal ended it, the signal's number below zero."""
    was_ready: bool
    delay: float | None
    """Seconds until it may be started again; None where it died too often."""
    last_words: str
    """The last line of its log."""
    log: Path

    @property
    def how(self) -> str:
        """What happened, after its name."""
        return (
            f"was killed ({signal.Signals(-self.code).name})" if self.code < 0 else f"ended with exit code {self.code}"
        )

    @property
    def because(self) -> str:
        """What it said of why, as the end of a sentence; empty where it said nothing."""
        return f": {self.last_words}" if self.last_words and self.code > 0 else ""

    def failure(self, *, starting: bool) -> LauncherError | None:
        """Why the system must stop now; None where it starts the process again. `starting`: it never was all up."""
        if self.code == DATA_GONE:
            return DataGone(f"{self.name} stopped{self.because or ', its data is gone'}")
        if not self.was_ready and (self.code == BAD_SETTING or (starting and self.code > 0)):
            return StartFailed(f"{self.name} could not start{self.because or f', it {self.how}'} (log: {self.log})")
        if self.delay is None:
            return GaveUp(f"{self.name} keeps dying, the last time it {self.how}{self.because} (log: {self.log})")
        return None
