"""Files that are sealed while they are written, and opened while they are read."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO, Final

from libs.keyring import HEADER, UnitKey, ends_of
from libs.keyring.objects import CHUNK

_PIECE: Final = 16 * CHUNK


class SealedFile:
    """Seals what is written to it into a file; nothing is on the disk as it was given."""

    def __init__(self, file: BinaryIO, key: UnitKey) -> None:
        self._file = file
        self._writer = key.writer()
        self.size = 0
        """Bytes that were written, before they were sealed."""

    def write(self, data: bytes) -> None:
        """Add to the end."""
        self._file.write(self._writer.write(data))
        self.size += len(data)

    def finish(self) -> None:
        """Write the last chunk. Without it nobody opens the file. It stays open."""
        self._file.write(self._writer.finish())


def seal(plain: BinaryIO, path: Path, key: UnitKey) -> int:
    """Seal a whole file, from its beginning, as another one; its bytes before that."""
    plain.seek(0)
    with open(path, "wb") as file:
        sealed = SealedFile(file, key)
        while piece := plain.read(_PIECE):
            sealed.write(piece)
        sealed.finish()
    return sealed.size


def opened(path: Path, key: UnitKey) -> BinaryIO:
    """A sealed file, to be read at any place. Raises Tampered, when it is opened or when it is read."""
    return io.BufferedReader(_Opened(path, key), CHUNK)


class _Opened(io.RawIOBase):
    def __init__(self, path: Path, key: UnitKey) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115  (closed with this one)
        try:
            size = os.fstat(self._file.fileno()).st_size
            start, end = ends_of(size)
            self._reader = key.reader(size, self._read(0, HEADER), self._read(start, end))
        except BaseException:
            self._file.close()
            raise
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._reader.length}[whence]
        self._at = max(base + offset, 0)
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        stop = min(self._at + len(buffer), self._reader.length)
        if stop <= self._at:
            return 0
        data = self._reader.open(self._at, stop, self._read(*self._reader.span(self._at, stop)))
        buffer[: len(data)] = data
        self._at = stop
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _read(self, start: int, end: int) -> bytes:
        return os.pread(self._file.fileno(), end - start, start)
