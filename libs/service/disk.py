"""How much of a disk is left, and what may not be taken of it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

_LOOK_EVERY: Final = 0.5
_LARGEST_SHARE: Final = 0.05
"""Of a small disk no more than this share is reserved."""
_MB: Final = 1_000_000


class Reserve:
    """The last megabytes of a folder's disk: for events and the state of services, and not for audio."""

    def __init__(self, folder: Path, megabytes: float) -> None:
        self._folder = folder
        self._bytes = megabytes * _MB
        self._looked = float("-inf")
        self._lack: str | None = None

    def lack(self) -> str | None:
        """What is missing for audio to be stored; None while there is more than the reserve. Asks twice a second."""
        now = time.monotonic()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self._lack = self._look()
        return self._lack

    def _look(self) -> str | None:
        folder = self._folder
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent  # it is made with the first file
        disk = os.statvfs(folder)
        free = disk.f_bavail * disk.f_frsize
        reserved = min(self._bytes, disk.f_blocks * disk.f_frsize * _LARGEST_SHARE)
        if free > reserved:
            return None
        left = f"the disk of {self._folder} has {free / _MB:.0f} MB left"
        return f"{left}, and the last {reserved / _MB:.0f} MB are not for audio"
