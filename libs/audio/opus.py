"""Opus packets: how long one lasts, and packets of silence (RFC 6716)."""

from __future__ import annotations

from typing import Final

RATE: Final = 48_000
"""Samples per second; every duration and position here is in samples of this rate."""
LONGEST: Final = 5_760
"""Samples in the longest packet: 120 ms (RFC 6716, 3.2.5)."""
MAX_BYTES: Final = 48 * 1275 + 100
"""No valid packet is larger: 48 frames of 1275 bytes and their lengths."""

_FRAME: Final = (
    *((480, 960, 1920, 2880) * 3),  # SILK
    *((480, 960) * 2),  # hybrid
    *((120, 240, 480, 960) * 4),  # CELT
)

SILENCE: Final = {960: b"\xf8\xff\xfe", 480: b"\xf0\xff\xfe", 240: b"\xe8\xff\xfe", 120: b"\xe0\xff\xfe"}
"""Mono full-band CELT frames of digital silence, by their samples; longest first."""


def duration(packet: bytes) -> int:
    """Samples in a packet, 120 to 5760. Raises ValueError for what no decoder takes (RFC 6716, 3.4)."""
    if not 0 < len(packet) <= MAX_BYTES:
        raise ValueError(f"{len(packet)} bytes are no Opus packet")
    frame = _FRAME[packet[0] >> 3]
    code = packet[0] & 3
    if code == 0:
        return frame
    if code == 1 and len(packet) % 2 == 0:
        raise ValueError("two equal frames in an odd number of bytes")
    if code < 3:
        if code == 2 and len(packet) < 2:
            raise ValueError("two frames without the length of the first")
        return 2 * frame
    if len(packet) < 2:
        raise ValueError("frames without their count")
    samples = frame * (packet[1] & 0x3F)
    if not 0 < samples <= LONGEST:
        raise ValueError(f"packet of {samples / 48:g} ms")
    return samples


def is_stereo(packet: bytes) -> bool:
    """Whether the packet carries two channels."""
    return bool(packet and packet[0] & 4)
