"""The body of a message between media nodes that carry the same Space (`subjects.relayed_audio`), and of one by which
recording asks for its audio (`subjects.wanted_audio`).

Little-endian. Header (4 bytes): version u8 (1), kind u8, count u16. Kind 0: the sender carries the Space, and wants
its audio; kind 1: it does so no more; kind 3: the sender is recording, and wants its audio; all with count 0. Kind 2:
`count` packets of one speaker, as they were accepted, each ssrc u32, timestamp u32 (48 kHz), sequence u16, level u8
(RFC 6464: bit 7 voice, then -dBov), flags u8 (bit 0: a level was measured; bits 1 to 3: how many packets right before
it may still come), loudness u8 (smoothed, in half dB over digital silence), length u16, payload. Timestamp and sequence
go on where the speaker's clock or stream changes, as in continuous bundles (`contracts.capture`). The message's headers
carry the node, and with packets session and person. A node that does not know a version or kind ignores the message.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

VERSION: Final = 1
MAX_PACKETS: Final = 64
MAX_BYTES: Final = 96 * 1024
MAX_PAYLOAD: Final = 1500

_HEADER: Final = struct.Struct("<BBH")
_PACKET: Final = struct.Struct("<IIHBBBH")
_MEASURED: Final = 1
_MISSING: Final = 1
"""Where its bits begin."""
MOST_MISSING: Final = 7


class RelayedKind(IntEnum):
    """What a message says."""

    HERE = 0
    GONE = 1
    AUDIO = 2
    LISTENING = 3


@dataclass(frozen=True, slots=True)
class RelayedPacket:
    """One accepted RTP packet."""

    ssrc: int
    timestamp: int
    """RTP timestamp, 48 kHz, 0..2**32-1."""
    sequence: int
    """RTP sequence number, 0..65535."""
    level: int | None
    """The byte of RFC 6464, or None from a client that measures none."""
    loudness: int
    """Smoothed, in half dB over digital silence, 0..255."""
    payload: bytes
    """The Opus packet, 1..MAX_PAYLOAD bytes."""
    missing: int = 0
    """So many packets right before it may still come, as they were overtaken, 0..MOST_MISSING."""


@dataclass(frozen=True, slots=True)
class Message:
    """Packets only with `RelayedKind.AUDIO`, and then at least one."""

    kind: RelayedKind
    packets: Sequence[RelayedPacket] = ()


def encode(message: Message) -> bytes:
    """Raises ValueError where the message exceeds the format's bounds."""
    _check(message.kind, len(message.packets))
    try:
        parts = [_HEADER.pack(VERSION, message.kind, len(message.packets))]
        for p in message.packets:
            _check_length(len(p.payload))
            if not 0 <= p.missing <= MOST_MISSING:
                raise ValueError(f"{p.missing} packets are missing; 0 to {MOST_MISSING}")
            flags = p.missing << _MISSING | (0 if p.level is None else _MEASURED)
            parts.append(_PACKET.pack(p.ssrc, p.timestamp, p.sequence, p.level or 0, flags, p.loudness, len(p.payload)))
            parts.append(p.payload)
    except struct.error as error:
        raise ValueError(f"a field is out of its range: {error}") from None
    return b"".join(parts)


def decode(body: bytes) -> Message:
    """Raises ValueError for anything that is not a whole, well-formed message of a known version and kind."""
    if len(body) > MAX_BYTES:
        raise ValueError(f"message of {len(body)} bytes; at most {MAX_BYTES}")
    if len(body) < _HEADER.size:
        raise ValueError("message shorter than its header")
    version, number, count = _HEADER.unpack_from(body)
    if version != VERSION:
        raise ValueError(f"unknown version {version}")
    kind = RelayedKind(number)
    _check(kind, count)
    packets = []
    at = _HEADER.size
    for _ in range(count):
        if at + _PACKET.size > len(body):
            raise ValueError("message ends inside a packet's header")
        ssrc, timestamp, sequence, level, flags, loudness, length = _PACKET.unpack_from(body, at)
        at += _PACKET.size
        _check_length(length)
        if at + length > len(body):
            raise ValueError("message ends inside a payload")
        measured = level if flags & _MEASURED else None
        missing = flags >> _MISSING & MOST_MISSING
        packets.append(RelayedPacket(ssrc, timestamp, sequence, measured, loudness, body[at : at + length], missing))
        at += length
    if at != len(body):
        raise ValueError(f"{len(body) - at} bytes after the last packet")
    return Message(kind, tuple(packets))


def _check(kind: RelayedKind, count: int) -> None:
    if count > MAX_PACKETS:
        raise ValueError(f"{count} packets in one message; at most {MAX_PACKETS}")
    if (kind is RelayedKind.AUDIO) != (count > 0):
        raise ValueError(f"{count} packets in a message of kind {kind}")


def _check_length(length: int) -> None:
    if not 1 <= length <= MAX_PAYLOAD:
        raise ValueError(f"payload of {length} bytes; 1 to {MAX_PAYLOAD}")
