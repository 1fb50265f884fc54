"""RTP's sequence numbers and timestamps, which wrap (RFC 3550, 5.1 and A.1)."""

from __future__ import annotations


def sequence_step(earlier: int, later: int) -> int:
    """How far sequence number `later` is after `earlier`, the shorter way round: -32768..32767."""
    return (later - earlier + 0x8000) % 0x1_0000 - 0x8000


def timestamp_step(earlier: int, later: int) -> int:
    """How far timestamp `later` is after `earlier`, the shorter way round: -2**31..2**31-1."""
    return (later - earlier + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
