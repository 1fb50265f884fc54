"""The spool: captured bundles on disk, one append-only file per speaking session, until the replay is stored.

`<root>/<space>/<person>/<session>.spool` begins with MAGIC; each record is length u32 and CRC-32 u32 of what follows,
then the CAPTURE sequence u64 and the bundle as captured (little-endian). A record is whole or it is not there: the end
of a file that a crash tore is cut off before anything is added. A Space's folder stands for work that is not finished.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import struct
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Self

from contracts import capture
from libs.audio import opus
from libs.audio.rtp import sequence_step

MAGIC: Final = b"RSPOOL1\n"
_RECORD: Final = struct.Struct("<IIQ")
_CHECKED_FROM: Final = 8  # the CRC covers sequence and bundle
_REMOVED: Final = ".removed-"
_FAILED: Final = ".failed"
_SEQUENCE_JUMP: Final = 3000
"""RTP sequence numbers farther apart than this (a minute) belong to another numbering."""
FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StorageFullError(Exception):
    """There is no room for what should be stored; nothing of it was kept."""


class SpoolTakenError(Exception):
    """Another process writes in this folder."""


class Entry(NamedTuple):
    """One captured bundle on its way to the spool."""

    space_id: str
    person_id: str
    session_id: str
    sequence: int
    body: bytes


class Spool:
    """All spooled Spaces below one folder. Its methods block; run them in a thread.

    `lack` says what is missing where its disk has no room for audio, although it is not full.
    """

    def __init__(self, root: Path, lack: Callable[[], str | None] = lambda: None) -> None:
        self.root = root
        self._lack = lack
        self._sound: set[Path] = set()

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
        """Make the folder of a Space, so that it is found again until its replay is stored."""
        self._make(self.root / space_id)

    def spaces(self) -> list[str]:
        """The Spaces that are not finished."""
        if not self.root.exists():
            return []
        return sorted(p.name for p in self.root.iterdir() if p.is_dir() and not p.name.startswith("."))

    def folder(self, space_id: str) -> Path:
        return self.root / space_id

    def append(self, entries: Iterable[Entry]) -> None:
        """Add bundles and wait until they are on the disk; all of them, or those of some files entirely.

        Adding the same bundle twice is harmless: readers leave the second out. Raises StorageFullError, OSError; then
        files that could not take their records are as they were before.
        """
        self.must_have_room()
        by_file: dict[Path, list[Entry]] = {}
        for entry in entries:
            path = self.root / entry.space_id / entry.person_id / f"{entry.session_id}.spool"
            by_file.setdefault(path, []).append(entry)
        for path, added in by_file.items():
            try:
                self._append(path, b"".join(_record(e) for e in added))
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
        self._sound = {path for path in self._sound if folder not in path.parents}
        if folder.exists():
            folder.rename(self.root / f"{_REMOVED}{space_id}")
        self.sweep()

    def sweep(self) -> None:
        """Delete what a crash left of removed Spaces."""
        for doomed in self.root.glob(f"{_REMOVED}*"):
            shutil.rmtree(doomed, ignore_errors=True)

    def set_aside(self, space_id: str) -> Path | None:
        """Keep what was spooled of a Space out of the way, for a person to look at, until `remove_aside`.

        Where it is, None for nothing.
        """
        if not self.size(space_id):
            self.remove_space(space_id)
            return None
        target = self.root / _FAILED / space_id
        target.parent.mkdir(parents=True, exist_ok=True)
        self.folder(space_id).rename(target)
        return target

    def aside(self) -> list[str]:
        """The Spaces of which something is kept out of the way."""
        return sorted(path.name for path in (self.root / _FAILED).glob("*"))

    def remove_aside(self, space_id: str) -> None:
        """Delete what was kept of a Space out of the way. Raises OSError."""
        shutil.rmtree(self.root / _FAILED / space_id)

    def size(self, space_id: str) -> int:
        """Bytes spooled of a Space; changes whenever something is added."""
        return sum(path.stat().st_size for path in self.folder(space_id).glob("*/*.spool"))

    def _make(self, folder: Path) -> None:
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
            _sync(each.parent)

    def _append(self, path: Path, data: bytes) -> None:
        self._make(path.parent)
        fresh = not path.exists()
        with open(path, "ab", buffering=0) as file:
            before = file.tell()
            if path not in self._sound:
                before = sound_length(path)
                file.truncate(before)
            if before == 0:
                data = MAGIC + data
            try:
                _write(file, data)
                os.fdatasync(file.fileno())
            except OSError:
                self._sound.discard(path)
                file.truncate(before)
                raise
        if fresh:
            _sync(path.parent)
        self._sound.add(path)


def sound_length(path: Path) -> int:
    """Bytes of a spool file up to the end of its last whole record."""
    end = 0
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return 0
        end = len(MAGIC)
        for at, _sequence, body in _records(file):
            end = at + len(body)
    return end


def _write(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _record(entry: Entry) -> bytes:
    rest = struct.pack("<Q", entry.sequence) + entry.body
    return struct.pack("<II", len(entry.body), zlib.crc32(rest)) + rest


def _records(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """(offset of the bundle, CAPTURE sequence, bundle) of each whole record; stops at the first that is not."""
    at = file.tell()
    while len(head := file.read(_RECORD.size)) == _RECORD.size:
        length, crc, sequence = _RECORD.unpack(head)
        if length > capture.MAX_BYTES:
            return
        body = file.read(length)
        if len(body) < length or zlib.crc32(body, zlib.crc32(head[_CHECKED_FROM:])) != crc:
            return
        yield at + _RECORD.size, sequence, body
        at += _RECORD.size + length


@dataclass
class Packets:
    """One person's captured packets in columns, a row each (34 bytes), in the order they were stored.

    A source is a session; where its bundles are not continuous, one stream (SSRC) of it with one numbering. Only
    `payload` touches the files, one at a time: somebody whose connection came and went for hours has more sessions than
    a process may have open files.
    """

    source: array[int] = field(default_factory=lambda: array("I"))
    arrival: array[int] = field(default_factory=lambda: array("q"))
    """Wall clock, ns since the Unix epoch."""
    timestamp: array[int] = field(default_factory=lambda: array("I"))
    """48 kHz."""
    sequence: array[int] = field(default_factory=lambda: array("H"))
    samples: array[int] = field(default_factory=lambda: array("H"))
    stereo: bool = False
    malformed: int = 0
    """Packets left out, because they are no Opus."""
    _offset: array[int] = field(default_factory=lambda: array("Q"))
    _length: array[int] = field(default_factory=lambda: array("H"))
    _file: array[int] = field(default_factory=lambda: array("I"))
    _files: list[Path] = field(default_factory=list)
    _open: tuple[int, BinaryIO] | None = None
    """The file that was read last, and its index."""

    def __len__(self) -> int:
        return len(self.source)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def payload(self, row: int) -> bytes:
        """The Opus packet of a row, as captured. Cheap where rows of one source are asked for in turn."""
        index = self._file[row]
        if self._open is None or self._open[0] != index:
            self._close()
            self._open = index, open(self._files[index], "rb")  # noqa: SIM115  (for the rows that follow)
        return os.pread(self._open[1].fileno(), self._length[row], self._offset[row])

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


def people(folder: Path) -> list[str]:
    """Ids of the people spooled in a Space's folder."""
    return sorted({path.parent.name for path in folder.glob("*/*.spool")})


def read(folder: Path, person_id: str) -> Packets:
    """The packets of one person. Bundles stored twice, and what is no Opus, are left out. Close it by leaving it."""
    packets = Packets()
    sources = 0
    for path in sorted((folder / person_id).glob("*.spool")):
        sources += _read_session(packets, path, sources)
    return packets


def _read_session(packets: Packets, path: Path, first_source: int) -> int:
    """Add the packets of one file, whose sources are numbered from `first_source` on; how many sources they were."""
    index = len(packets._files)
    packets._files.append(path)
    sources = _Sources(first_source)
    seen: set[tuple[int, int, int]] = set()
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return 0
        for at, _sequence, body in _records(file):
            bundle = capture.decode(body)
            if not bundle.packets:
                continue
            # A redelivery has the same CAPTURE sequence, a repeated publish only the same content.
            identity = (bundle.base_ns, bundle.ssrc, bundle.packets[0].sequence)
            if identity in seen:
                continue
            seen.add(identity)
            for offset, packet in bundle.payloads():
                try:
                    samples = opus.duration(packet.payload)
                except ValueError:
                    packets.malformed += 1
                else:
                    packets.stereo = packets.stereo or opus.is_stereo(packet.payload)
                    packets.source.append(sources.of(bundle, packet))
                    packets.arrival.append(bundle.arrived_ns(packet))
                    packets.timestamp.append(packet.timestamp)
                    packets.sequence.append(packet.sequence)
                    packets.samples.append(samples)
                    packets._file.append(index)
                    packets._offset.append(at + offset)
                    packets._length.append(len(packet.payload))
    return sources.count


class _Sources:
    """Tells the sources of one session apart."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._newest: dict[int | None, tuple[int, int]] = {}
        """The source of each stream, and the sequence number of its newest packet."""
        self.count = 0

    def of(self, bundle: capture.Bundle, packet: capture.Packet) -> int:
        """The source of the next packet."""
        stream = None if bundle.continuous else bundle.ssrc
        known = self._newest.get(stream)
        if known is None or (stream is not None and abs(sequence_step(known[1], packet.sequence)) > _SEQUENCE_JUMP):
            source = self._first + self.count
            self.count += 1
        else:
            source = known[0]
        self._newest[stream] = source, packet.sequence
        return source
