"""What is spooled of one person, packet by packet. No event loop and no bus here: the process that builds reads it."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from contracts import capture
from libs.audio import opus
from libs.audio.rtp import sequence_step
from libs.keyring import Tampered
from services.recording.adapters.spool import MAGIC, PLAIN, files_of, records

_SEQUENCE_JUMP: Final = 3000
"""RTP sequence numbers farther apart than this (a minute) belong to another numbering."""

Open = Callable[[bytes], bytes]
"""Opens what is sealed. Raises Tampered."""


@dataclass
class Packets:
    """One person's captured packets in columns, a row each (30 bytes), in the order they were stored.

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
    """Packets left out, because they are no Opus, and bundles that do not open."""
    _bundle: array[int] = field(default_factory=lambda: array("I"))
    _offset: array[int] = field(default_factory=lambda: array("I"))
    """In the bundle."""
    _length: array[int] = field(default_factory=lambda: array("H"))
    _bundle_file: array[int] = field(default_factory=lambda: array("I"))
    _bundle_at: array[int] = field(default_factory=lambda: array("Q"))
    """Where in its file the body of each bundle's record is."""
    _bundle_size: array[int] = field(default_factory=lambda: array("I"))
    _files: list[tuple[Path, Open | None]] = field(default_factory=list)
    """None where bundles are not sealed."""
    _open: tuple[int, BinaryIO] | None = None
    """The file that was read last, and its index."""
    _held: tuple[int, bytes] | None = None
    """The bundle that was read last, and its index."""

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
        index = self._bundle[row]
        if self._held is None or self._held[0] != index:
            self._held = index, self._read(index)
        return self._held[1][self._offset[row] : self._offset[row] + self._length[row]]

    def _read(self, bundle: int) -> bytes:
        file = self._bundle_file[bundle]
        path, open_ = self._files[file]
        if self._open is None or self._open[0] != file:
            self._close()
            self._open = file, open(path, "rb")  # noqa: SIM115  (for the rows that follow)
        body = os.pread(self._open[1].fileno(), self._bundle_size[bundle], self._bundle_at[bundle])
        return body if open_ is None else open_(body)

    def _close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


def people(folder: Path) -> list[str]:
    """Ids of the people spooled in a Space's folder."""
    return sorted({path.parent.name for path in files_of(folder)})


def read(folder: Path, person_id: str, open_: Open, within: range | None = None) -> Packets:
    """The packets of one person. Bundles stored twice, and what is no Opus, are left out. Close it by leaving it.

    With `within`, only bundles that begin in that time (ns since the Unix epoch).
    """
    packets = Packets()
    sources = 0
    for path in files_of(folder, person_id):
        sources += _read_session(packets, path, None if path.suffix == PLAIN else open_, sources, within)
    return packets


def _read_session(packets: Packets, path: Path, open_: Open | None, first_source: int, within: range | None) -> int:
    """Add the packets of one file, whose sources are numbered from `first_source` on; how many sources they were."""
    packets._files.append((path, open_))
    sources = _Sources(first_source)
    seen: set[tuple[int, int, int]] = set()
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            return 0
        for at, body in records(file):
            try:
                plain = body if open_ is None else open_(body)
            except Tampered:
                packets.malformed += 1
                continue
            if within is not None and capture.base_of(plain) not in within:
                continue
            bundle = capture.decode(plain)
            if not bundle.packets:
                continue
            # A redelivery has the same CAPTURE sequence, a repeated publish only the same content.
            identity = (bundle.base_ns, bundle.ssrc, bundle.packets[0].sequence)
            if identity in seen:
                continue
            seen.add(identity)
            packets._bundle_file.append(len(packets._files) - 1)
            packets._bundle_at.append(at)
            packets._bundle_size.append(len(body))
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
                    packets._bundle.append(len(packets._bundle_at) - 1)
                    packets._offset.append(offset)
                    packets._length.append(len(packet.payload))
    return sources.count


class _Sources:
    """Tells the sources of one session apart."""

    def __init__(self, first: int) -> None:
        self._first = first
        self._newest: dict[int | None, tuple[int, int]] = {}
        """The source of each stream, and the sequence number of its newest packet."""
        self.count = 0

    def of(self, bundle: capture.Bundle, packet: capture.CapturedPacket) -> int:
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
