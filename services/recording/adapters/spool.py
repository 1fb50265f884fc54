"""The spool: captured bundles on disk, one append-only file per speaking session, until the replay is stored.

`<root>/<space>/<person>/<session>.bundles` begins with MAGIC; each record is length u32 and CRC-32 u32 of what follows,
then the CAPTURE sequence u64 and the bundle as captured, sealed (little-endian). A record is whole or it is not there:
the end of a file that a crash tore is cut off before anything is added. A Space's folder stands for work that is not
finished. Earlier versions wrote `<session>.spool`, of the same form, with bundles that are not sealed; they are sealed
into `<session>.before.bundles` (`rostrum migrate`).
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import struct
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from contracts import capture
from libs.private_files import sync

MAGIC: Final = b"RSPOOL1\n"
_RECORD: Final = struct.Struct("<IIQ")
_CHECKED_FROM: Final = 8  # the CRC covers sequence and bundle
_REMOVED: Final = ".removed-"
_FAILED: Final = ".failed"
_AGAIN: Final = ".again-"
_CUT: Final = ".cut-"
_FORM: Final = ".form-"
LIVE: Final = "live"
"""The folder, in a Space's, of what is mixed while it runs."""
BUNDLES: Final = ".bundles"
PLAIN: Final = ".spool"
"""How files of earlier versions end."""
_SEALED_LATER: Final = f".before{BUNDLES}"
"""How those end that such a file was sealed into."""
_LONGEST: Final = capture.MAX_BYTES + 1024
"""Bytes of a record's body; what seals it takes a little."""
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StorageFullError(Exception):
    """There is no room for what should be stored; nothing of it was kept."""


class SpoolTakenError(Exception):
    """Another process writes in this folder."""


class SpoolEntry(NamedTuple):
    """One captured bundle on its way to the spool."""

    space_id: str
    person_id: str
    session_id: str
    sequence: int
    body: bytes
    """Sealed."""


class Spool:
    """All spooled Spaces below one folder. Its methods block; run them in a thread.

    `lack` says what is missing where its disk has no room for audio, although it is not full.
    """

    def __init__(self, root: Path, lack: Callable[[], str | None] = lambda: None) -> None:
        self.root = root
        self._lack = lack
        self._sound: set[Path] = set()
        """Files that end with a whole record."""
        self._guard = threading.Lock()
        """Its methods run in several threads."""

    def lock(self) -> None:
        """Take the folder for this process until it ends. Raises SpoolTakenError."""
        self._make(self.root)
        handle = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise SpoolTakenError(f"{self.root} is used by another recorder") from None

    def open_space(self, space_id: str) -> None:
        """Make the folder of a Space, so that it is found again until its replay is stored.

        A new one gets the folder of its live mix too: what earlier versions spooled has none.
        """
        folder = self.folder(space_id)
        self._make(folder if folder.exists() else folder / LIVE)

    def spaces(self) -> list[str]:
        """The Spaces that are not finished."""
        if not self.root.exists():
            return []
        return sorted(p.name for p in self.root.iterdir() if p.is_dir() and not p.name.startswith("."))

    def folder(self, space_id: str) -> Path:
        return self.root / space_id

    def append(self, entries: Iterable[SpoolEntry]) -> None:
        """Add bundles and wait until they are on the disk; all of them, or those of some files entirely.

        Adding the same bundle twice is harmless: readers leave the second out. Raises StorageFullError, OSError; then
        files that could not take their records are as they were before.
        """
        self.must_have_room()
        by_file: dict[Path, list[SpoolEntry]] = {}
        for entry in entries:
            path = self.root / entry.space_id / entry.person_id / f"{entry.session_id}{BUNDLES}"
            by_file.setdefault(path, []).append(entry)
        for path, added in by_file.items():
            try:
                self._append(path, b"".join(record(e.sequence, e.body) for e in added))
            except OSError as error:
                if error.errno in FULL:
                    raise StorageFullError(f"{self.root}: {error.strerror}") from error
                raise

    def must_have_room(self) -> None:
        """Raises StorageFullError where audio must leave the rest of the disk alone."""
        if (lack := self._lack()) is not None:
            raise StorageFullError(lack)

    def remove_space(self, space_id: str) -> None:
        """Delete all that was spooled of a Space."""
        folder = self.folder(space_id)
        self._forget(folder)
        if folder.exists():
            folder.rename(self.root / f"{_REMOVED}{space_id}")
        self.sweep()

    def sweep(self) -> None:
        """Delete what a crash left of removed Spaces."""
        for doomed in self.root.glob(f"{_REMOVED}*"):
            shutil.rmtree(doomed, ignore_errors=True)

    def remove_speaker(self, person_id: str) -> None:
        """Delete all that was spooled of a person, whatever became of it. Raises OSError."""
        for folder in (*self.root.glob(f"*/{person_id}"), *self.root.glob(f"{_FAILED}/*/{person_id}")):
            self._forget(folder)
            shutil.rmtree(folder)

    def remove_captured(self, space_id: str) -> None:
        """Delete all that was spooled of a Space, whatever became of it; its folder stays while it stands for work that
        is not finished. Raises OSError."""
        for folder in (*self.root.glob(f"{space_id}/*"), *self.root.glob(f"{_FAILED}/{space_id}")):
            self._forget(folder)
            shutil.rmtree(folder)

    def again(self, space_id: str) -> Path:
        """A folder for what is made again of a Space that is finished."""
        return self.root / f"{_AGAIN}{space_id}"

    def sweep_again(self) -> None:
        """Delete what a crash left of what was made again."""
        for doomed in self.root.glob(f"{_AGAIN}*"):
            shutil.rmtree(doomed, ignore_errors=True)

    def form(self, space_id: str) -> Path:
        """A folder for the mix of a Space while it is made into another form."""
        return self.root / f"{_FORM}{space_id}"

    def sweep_forms(self) -> None:
        """Delete what a crash left of forms that were being made."""
        for doomed in self.root.glob(f"{_FORM}*"):
            shutil.rmtree(doomed, ignore_errors=True)

    def cut(self, name: str) -> Path:
        """A folder for what is cut out for a report."""
        return self.root / f"{_CUT}{name}"

    def sweep_cut(self) -> None:
        """Delete what a crash left of what was cut out."""
        for doomed in self.root.glob(f"{_CUT}*"):
            shutil.rmtree(doomed, ignore_errors=True)

    def set_aside(self, space_id: str) -> Path | None:
        """Keep what was spooled of a Space out of the way, for a person to look at, until `remove_aside`.

        Where it is, None for nothing.
        """
        if not self.size(space_id):
            self.remove_space(space_id)
            return None
        target = self.aside_of(space_id)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._forget(self.folder(space_id))
        self.folder(space_id).rename(target)
        return target

    def aside_of(self, space_id: str) -> Path:
        """Where what is kept of a Space out of the way would be."""
        return self.root / _FAILED / space_id

    def aside(self) -> list[str]:
        """The Spaces of which something is kept out of the way."""
        return sorted(path.name for path in (self.root / _FAILED).glob("*"))

    def remove_aside(self, space_id: str) -> None:
        """Delete what was kept of a Space out of the way. Raises OSError."""
        shutil.rmtree(self.aside_of(space_id))

    def plain(self) -> list[tuple[str, str, Path]]:
        """(Space, person, file) of everything that is not sealed, whatever became of it."""
        found = [path for root in (self.root, self.root / _FAILED) for path in root.glob(f"*/*/*{PLAIN}")]
        return [(path.parts[-3], path.parts[-2], path) for path in sorted(found)]

    def seal(self, path: Path, seal: Callable[[bytes], bytes]) -> None:
        """Seal what an earlier version spooled, and remove it as it was. Again changes nothing, also where this was
        killed at any step. Raises StorageFullError, OSError."""
        self.must_have_room()
        sealed, draft = _sealed_later(path), path.with_suffix(".sealing")
        with open(path, "rb") as plain, open(draft, "wb") as file:
            if plain.read(len(MAGIC)) == MAGIC:
                file.write(MAGIC)
                for number, (_, body) in enumerate(records(plain)):
                    file.write(record(number, seal(body)))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(sealed)
        sync(path.parent)
        path.unlink()  # nobody has read it since the sealed one is there
        sync(path.parent)

    def size(self, space_id: str) -> int:
        """Bytes spooled of a Space; changes whenever something is added."""
        return sum(path.stat().st_size for path in files_of(self.folder(space_id)))

    def _make(self, folder: Path) -> None:
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
            sync(each.parent)

    def _append(self, path: Path, data: bytes) -> None:
        self._make(path.parent)
        fresh = not path.exists()
        with open(path, "ab", buffering=0) as file:
            before = file.tell()
            with self._guard:
                sound = path in self._sound
            if not sound:
                before = sound_length(path)
                file.truncate(before)
            if before == 0:
                data = MAGIC + data
            try:
                write(file, data)
                os.fdatasync(file.fileno())
            except OSError:
                with self._guard:
                    self._sound.discard(path)
                file.truncate(before)
                raise
        if fresh:
            sync(path.parent)
        with self._guard:
            self._sound.add(path)

    def _forget(self, folder: Path) -> None:
        """Know nothing more of the files in a folder that goes."""
        with self._guard:
            self._sound = {path for path in self._sound if folder not in path.parents}


def sound_length(path: Path) -> int:
    """Bytes of a spool file up to the end of its last whole record."""
    end = 0
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return 0
        end = len(MAGIC)
        for at, body in records(file):
            end = at + len(body)
    return end


def files_of(folder: Path, person_id: str = "*") -> list[Path]:
    """What was spooled of a Space, by its folder, or of one person there: a file for each session."""
    sealed = set(folder.glob(f"{person_id}/*{BUNDLES}"))
    plain = {path for path in folder.glob(f"{person_id}/*{PLAIN}") if _sealed_later(path) not in sealed}
    return sorted(sealed | plain)


def _sealed_later(path: Path) -> Path:
    return path.with_name(f"{path.name.removesuffix(PLAIN)}{_SEALED_LATER}")


def records_of(folder: Path, person_id: str) -> Iterator[tuple[Path, bytes]]:
    """(file, body) of everything that was spooled of a person in a Space, by its folder."""
    for path in files_of(folder, person_id):
        with open(path, "rb") as file:
            if file.read(len(MAGIC)) == MAGIC:
                for _, body in records(file):
                    yield path, body


def write(file: BinaryIO, data: bytes) -> None:
    """Write all of it."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def record(sequence: int, body: bytes) -> bytes:
    """One record."""
    rest = struct.pack("<Q", sequence) + body
    return struct.pack("<II", len(body), zlib.crc32(rest)) + rest


def records(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """(offset of the body, body) of each whole record from here on; stops at the first that is not."""
    at = file.tell()
    while len(head := file.read(_RECORD.size)) == _RECORD.size:
        length, crc, _sequence = _RECORD.unpack(head)
        if length > _LONGEST:
            return
        body = file.read(length)
        if len(body) < length or zlib.crc32(body, zlib.crc32(head[_CHECKED_FROM:])) != crc:
            return
        yield at + _RECORD.size, body
        at += _RECORD.size + length
