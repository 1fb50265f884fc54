"""The mix of a recorded Space while it runs, in parts, and the body of a message that brings one
(`subjects.live_audio`): number u32 (little-endian), then the part, a movie fragment of MP4 (CMAF) of AAC-LC at 48 kHz.

Part n begins n * PART_SECONDS after the Space's start. SEGMENT_PARTS of them are a segment. A part never changes. A
message without a part says that no further one comes.
"""

from __future__ import annotations

import struct
from typing import Final

RATE: Final = 48_000
PART_SAMPLES: Final = 16 * 1024
SEGMENT_PARTS: Final = 6
PART_SECONDS: Final = PART_SAMPLES / RATE
SEGMENT_SECONDS: Final = SEGMENT_PARTS * PART_SECONDS
MOST_BYTES: Final = 64 * 1024
_HEAD: Final = struct.Struct("<I")


def encode(number: int, part: bytes) -> bytes:
    """A message."""
    return _HEAD.pack(number) + part


def decode(body: bytes) -> tuple[int, bytes]:
    """(number, part). Raises ValueError for anything else."""
    if not _HEAD.size <= len(body) <= MOST_BYTES:
        raise ValueError(f"a part of {len(body)} bytes")
    return int(_HEAD.unpack_from(body)[0]), body[_HEAD.size :]
