"""The mix of a running Space on disk, sealed part by part, in its folder of the spool.

`<space>/live/<first>.parts` has a record for each part, as the spool has for bundles, with the part's number in the
place of a sequence. There is one such file; another one begins where that must not be read any more, since somebody who
is heard in it was erased.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import Final

from libs.private_files import sync
from services.recording.adapters.spool import FULL, LIVE, MAGIC, StorageFullError, record, records, write

_SUFFIX: Final = ".parts"


class LiveParts:
    """One run of parts, from `first` on. Methods that touch the disk block; run them in a thread.

    The file is closed once nothing refers to this. Closed sooner, a thread that is about to write might write to
    another file that was given the same number.
    """

    def __init__(self, path: Path, first: int) -> None:
        """Opens what there is; a record that a crash tore is cut off. Raises OSError."""
        self.first = first
        self._path = path
        self._places: list[tuple[int, int]] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        weakref.finalize(self, os.close, self._handle).atexit = False
        self._end = len(MAGIC)
        with open(path, "rb") as file:
            whole = file.read(len(MAGIC)) == MAGIC
            if whole:
                for at, body in records(file):
                    self._places.append((at, len(body)))
                    self._end = at + len(body)
        os.ftruncate(self._handle, self._end if whole else 0)
        if not whole:
            os.pwrite(self._handle, MAGIC, 0)
            os.fdatasync(self._handle)
            sync(path.parent)

    @property
    def next(self) -> int:
        """The number of the part that is added next."""
        return self.first + len(self._places)

    def append(self, sealed: bytes) -> None:
        """Add the next part, and wait until it is on the disk. Raises StorageFullError, OSError."""
        data = record(self.next, sealed)
        try:
            os.ftruncate(self._handle, self._end)
            os.lseek(self._handle, self._end, os.SEEK_SET)
            with open(self._handle, "ab", buffering=0, closefd=False) as file:
                write(file, data)
            os.fdatasync(self._handle)
        except OSError as error:
            if error.errno in FULL:
                raise StorageFullError(f"{self._path.parent}: {error.strerror}") from error
            raise
        self._places.append((self._end + len(data) - len(sealed), len(sealed)))
        self._end += len(data)

    def read(self, number: int) -> bytes | None:
        """A part, sealed; None where there is none of this number."""
        if not self.first <= number < self.next:
            return None
        at, length = self._places[number - self.first]
        return os.pread(self._handle, length, at)


def runs(space: Path) -> list[int]:
    """The first parts of the runs in a Space's folder, in order."""
    return sorted(int(path.stem) for path in (space / LIVE).glob(f"*{_SUFFIX}") if path.stem.isdecimal())


def path_of(space: Path, first: int) -> Path:
    """Where a run is, or would be."""
    return space / LIVE / f"{first}{_SUFFIX}"


def remove_runs(space: Path, but: int | None = None) -> None:
    """Delete all runs of a Space, but perhaps one. Raises OSError."""
    for path in (space / LIVE).glob("*"):
        if but is None or path != path_of(space, but):
            path.unlink(missing_ok=True)
