"""Notes of which messages are being deleted, for the launcher to overwrite where NATS was killed meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from libs.private_files import sync

FOLDER: Final = "erasing"


class Notes:
    """One empty file for each message: its name tells which. A file is there from before NATS is asked to delete the
    message until NATS has said that it did."""

    def __init__(self, var: Path) -> None:
        self._folder = var / FOLDER

    def add(self, stream: str, sequence: int) -> None:
        """Note it, on the disk. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path(stream, sequence).touch(mode=0o600)
        sync(self._folder)

    def remove(self, stream: str, sequence: int) -> None:
        """It is overwritten."""
        self._path(stream, sequence).unlink(missing_ok=True)

    def read(self) -> dict[str, list[int]]:
        """By stream, what was being deleted."""
        found: dict[str, list[int]] = {}
        for path in self._folder.glob("*.*"):
            stream, _, sequence = path.name.rpartition(".")
            if sequence.isdecimal():
                found.setdefault(stream, []).append(int(sequence))
        return found

    def _path(self, stream: str, sequence: int) -> Path:
        return self._folder / f"{stream}.{sequence}"
