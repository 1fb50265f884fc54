"""Writing Ogg Opus (RFC 3533, RFC 7845) around packets that stay as they are."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

from libs.audio.opus import RATE, SILENCE

PRE_SKIP: Final = 312
"""Samples a player drops at the start: libopus' look-ahead, which the sender's RTP timestamps do not count."""

_PAGE: Final = struct.Struct("<4sBBqIIIB")
_BEGIN: Final = 2
_END: Final = 4
_PAGE_SAMPLES: Final = RATE  # a page at least every second (RFC 7845, section 6)
_MAX_SEGMENTS: Final = 255
_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(data: bytes) -> int:
    """The CRC of an Ogg page: polynomial 0x04c11db7, not reflected, from 0 (RFC 3533, section 6).

    zlib computes the reflected one of the same polynomial, so bits are reversed going in and coming out.
    """
    crc = zlib.crc32(data.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(_REVERSED), "big")


class OggOpusWriter:
    """One track. Packets are written as given; `silence` keeps the time between them."""

    def __init__(
        self, write: Callable[[bytes], object], *, serial: int, channels: int, tags: Mapping[str, str]
    ) -> None:
        """`write` adds to the end of the file."""
        self._write = write
        self._serial = serial
        self._pages = 0
        self._granule = 0
        self._held: bytes | None = None
        self._lacing = bytearray()
        self._bodies: list[bytes] = []
        self._page_began = 0
        head = struct.pack("<8sBBHIhB", b"OpusHead", 1, channels, PRE_SKIP, RATE, 0, 0)
        self._write(self._page(_BEGIN, 0, bytes([len(head)]), head))
        comment = _comment(tags)
        self._write(self._page(0, 0, _laced(len(comment)), comment))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    @property
    def samples(self) -> int:
        """Samples written so far, the pre-skip included."""
        return self._granule

    def packet(self, payload: bytes, samples: int) -> None:
        """Add one Opus packet of this duration."""
        lacing = _laced(len(payload))
        if len(self._lacing) + len(lacing) > _MAX_SEGMENTS or self._granule - self._page_began >= _PAGE_SAMPLES:
            self._flush()
        self._lacing += lacing
        self._bodies.append(payload)
        self._granule += samples

    def silence(self, samples: int) -> int:
        """Add silence of at most this duration, in whole frames; how much it was (short of it by 0 to 119 samples)."""
        before = self._granule
        for length, frame in SILENCE.items():
            while samples >= length:
                self.packet(frame, length)
                samples -= length
        return self._granule - before

    def close(self) -> None:
        """Write the last page, marked as the last."""
        self._flush()
        if self._held is None:
            self._held = self._page(0, self._granule, b"", b"")
        page = bytearray(self._held)
        page[5] |= _END
        page[22:26] = bytes(4)
        page[22:26] = checksum(bytes(page)).to_bytes(4, "little")
        self._write(bytes(page))
        self._held = None

    def _flush(self) -> None:
        if not self._lacing:
            return
        if self._held is not None:
            self._write(self._held)
        self._held = self._page(0, self._granule, bytes(self._lacing), b"".join(self._bodies))
        self._lacing.clear()
        self._bodies.clear()
        self._page_began = self._granule

    def _page(self, flags: int, granule: int, lacing: bytes, body: bytes) -> bytes:
        header = _PAGE.pack(b"OggS", 0, flags, granule, self._serial, self._pages, 0, len(lacing))
        self._pages += 1
        page = bytearray(header + lacing + body)
        page[22:26] = checksum(bytes(page)).to_bytes(4, "little")
        return bytes(page)


def _laced(length: int) -> bytes:
    return b"\xff" * (length // 255) + bytes([length % 255])


def _comment(tags: Mapping[str, str]) -> bytes:
    """The OpusTags packet (RFC 7845, 5.2), in one page: values are cut to 1000 bytes."""
    fields = [f"{name}={value}".encode()[:1000] for name, value in tags.items()]
    vendor = b"rostrum"
    parts = [b"OpusTags", struct.pack("<I", len(vendor)), vendor, struct.pack("<I", len(fields))]
    for field in fields:
        parts += (struct.pack("<I", len(field)), field)
    return b"".join(parts)
