"""The body of a CAPTURE message: a bundle of one speaker's Opus packets as they were accepted.

Little-endian. Header (16 bytes): version u8 (1), flags u8 (bit 0: last bundle of the session; bit 1: continuous), count
u16, base u64 (wall clock of the bundle's first arrival, ns since the Unix epoch), ssrc u32 (of its first packet). Then
`count` times: arrival u32 (microseconds after base), timestamp u32 (48 kHz), sequence u16, length u16, payload. Muted
packets and those of people who did not consent are never in a bundle. The message's headers carry person and
session: an id of one connection's audio, which nothing else has.

The body is sealed under the lock of its speaker and the Space, for the unit that the message's header names. Bundles of
earlier versions, without that header, are not sealed.

In continuous bundles timestamps and sequence numbers are those of the session: they go on where the sender's clock
jumps, where it begins another stream (SSRC), and after a mute, which leaves no gap in the numbers. Packets that were
overtaken on the way are in the same bundle as those that overtook them, or close behind. Bundles of media nodes before
this have the numbers of RTP as they were sent.

Who moves from one media node to another speaks at both for a moment, and is captured in two sessions. Of such a moment
what the session that began first has counts, and the later one goes on where it ends.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from contracts import object_names

VERSION: Final = 1
LAST: Final = 1
CONTINUOUS: Final = 2
MAX_PACKETS: Final = 512
MAX_BYTES: Final = 256 * 1024
CLOCKS_DIFFER: Final = timedelta(seconds=60)
"""A bundle that is farther ahead of the moment at which the stream took it comes from a node whose clock is wrong."""

UNRECORDED: Final = "transcript/capture"
"""The unit of what is captured for captions alone; it is destroyed with the transcript."""

_HEADER: Final = struct.Struct("<BBHQI")
_PACKET: Final = struct.Struct("<IIHH")
_BASE: Final = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class CapturedPacket:
    """One accepted RTP packet."""

    arrival_us: int
    """Microseconds after the bundle's base."""
    timestamp: int
    """Media time, 48 kHz, 0..2**32-1."""
    sequence: int
    """Of the packets that were sent, 0..65535."""
    payload: bytes
    """The Opus packet, as received."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """About 100 ms of one speaker; empty only when `last`."""

    base_ns: int
    ssrc: int
    packets: Sequence[CapturedPacket]
    last: bool = False
    continuous: bool = False

    def arrived_ns(self, packet: CapturedPacket) -> int:
        """Wall clock of a packet's arrival, ns since the Unix epoch."""
        return self.base_ns + packet.arrival_us * 1000

    def payloads(self) -> Iterator[tuple[int, CapturedPacket]]:
        """Each packet, after the offset of its payload in the encoded body."""
        at = _HEADER.size
        for packet in self.packets:
            at += _PACKET.size
            yield at, packet
            at += len(packet.payload)


def seal_of(space_id: str, person_id: str, *, recorded: bool) -> object_names.Seal:
    """What the bundles of a speaker are sealed with: where the Space is recorded, as recording spools them."""
    return object_names.of_speaker(space_id, person_id, object_names.SPOOL if recorded else UNRECORDED)


def encode(bundle: Bundle) -> bytes:
    """Raises ValueError where the bundle exceeds the format's bounds."""
    if len(bundle.packets) > MAX_PACKETS:
        raise ValueError(f"{len(bundle.packets)} packets in one bundle; at most {MAX_PACKETS}")
    flags = (LAST if bundle.last else 0) | (CONTINUOUS if bundle.continuous else 0)
    try:
        parts = [_HEADER.pack(VERSION, flags, len(bundle.packets), bundle.base_ns, bundle.ssrc)]
        for p in bundle.packets:
            parts += (_PACKET.pack(p.arrival_us, p.timestamp, p.sequence, len(p.payload)), p.payload)
    except struct.error as error:
        raise ValueError(f"a field is out of its range: {error}") from None
    body = b"".join(parts)
    if len(body) > MAX_BYTES:
        raise ValueError(f"bundle of {len(body)} bytes; at most {MAX_BYTES}")
    return body


def base_of(body: bytes) -> int:
    """The wall clock of a bundle's first arrival, ns since the Unix epoch, read by itself; 0 where there is none."""
    return int(_BASE.unpack_from(body, 4)[0]) if len(body) >= _HEADER.size else 0


def decode(body: bytes) -> Bundle:
    """Raises ValueError for anything that is not a whole, well-formed bundle of a known version."""
    if len(body) > MAX_BYTES:
        raise ValueError(f"bundle of {len(body)} bytes; at most {MAX_BYTES}")
    if len(body) < _HEADER.size:
        raise ValueError("bundle shorter than its header")
    version, flags, count, base_ns, ssrc = _HEADER.unpack_from(body)
    if version != VERSION:
        raise ValueError(f"unknown bundle version {version}")
    if count > MAX_PACKETS:
        raise ValueError(f"{count} packets in one bundle; at most {MAX_PACKETS}")
    packets = []
    at = _HEADER.size
    for _ in range(count):
        if at + _PACKET.size > len(body):
            raise ValueError("bundle ends inside a packet's header")
        arrival_us, timestamp, sequence, length = _PACKET.unpack_from(body, at)
        at += _PACKET.size
        if at + length > len(body):
            raise ValueError("bundle ends inside a payload")
        packets.append(CapturedPacket(arrival_us, timestamp, sequence, body[at : at + length]))
        at += length
    if at != len(body):
        raise ValueError(f"{len(body) - at} bytes after the last packet")
    return Bundle(base_ns, ssrc, tuple(packets), last=bool(flags & LAST), continuous=bool(flags & CONTINUOUS))
