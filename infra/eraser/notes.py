"""Notes of which messages are being deleted: if NATS is killed meanwhile, it never overwrites them by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from libs.private_files import sync

FOLDER: Final = "erasing"


class Note(NamedTuple):
    """A message that is being deleted."""

    stream: str
    sequence: int
    epoch: str = ""
    """Which stream of that name it is (`Bus.epoch_of`); empty in notes of earlier versions, which do not tell."""
    server: str = ""
    """The id of the NATS process that was asked."""


class Notes:
    """One file for each message, named after it: `<stream>.<epoch>.<sequence>`. It is there from before NATS is asked
    to delete the message until NATS has said that it did."""

    def __init__(self, var: Path) -> None:
        self._folder = var / FOLDER

    def add(self, note: Note) -> None:
        """Note it, on the disk. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(note)
        path.touch(mode=0o600)
        path.write_text(note.server)
        sync(self._folder)

    def remove(self, note: Note) -> None:
        """It is overwritten."""
        self._path(note).unlink(missing_ok=True)

    def read(self) -> list[Note]:
        """What was being deleted. Raises OSError."""
        return sorted(self._read())

    def _read(self) -> Iterator[Note]:
        for path in self._folder.glob("*.*"):
            stream, *epoch, sequence = path.name.split(".")
            if sequence.isdecimal():
                yield Note(stream, int(sequence), "".join(epoch), path.read_text())

    def _path(self, note: Note) -> Path:
        return self._folder / ".".join((note.stream, *([note.epoch] if note.epoch else []), str(note.sequence)))
