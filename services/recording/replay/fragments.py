"""Fragmented MP4 of AAC (ISO/IEC 14496-12, CMAF): the header that all parts of a stream have in common, and the parts.

PyAV writes each part as a file of its own, of which the movie fragment is taken; so nothing has to be remembered from
one part to the next, and a crash changes no part. Imports PyAV.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

import av

from libs.audio.opus import RATE

FRAME: Final = 1024
"""Samples in an AAC-LC frame."""
_FLAGS: Final = "empty_moov+default_base_moof+skip_trailer"
_BASE: Final = Fraction(1, RATE)


def coder(bit_rate: int = 128_000) -> av.AudioCodecContext:
    """An encoder of mono AAC-LC at 48 kHz; the first packet that it gives is a frame earlier than what it was given."""
    made = av.CodecContext.create("aac", "w")
    assert isinstance(made, av.AudioCodecContext)
    made.sample_rate, made.layout, made.format, made.bit_rate = RATE, "mono", "fltp", bit_rate
    made.time_base = _BASE
    made.options = {"aac_coder": "fast", "cutoff": "16000"}
    made.flags |= av.codec.context.Flags.global_header
    made.open()
    return made


def boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(type, whole box) of each box of a file."""
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at : at + size]
        at += max(size, 8)


def header() -> bytes:
    """What players read before the first part: the initialisation section."""
    return b"".join(box for kind, box in boxes(_file([])) if kind in (b"ftyp", b"moov"))


def part(frames: Sequence[bytes], first: int, number: int) -> bytes:
    """AAC frames as one movie fragment: `first` is the place of the first one, in frames, `number` the fragment's."""
    made = bytearray().join(box for kind, box in boxes(_file(frames)) if kind in (b"moof", b"mdat"))
    # A file begins with its first fragment at the time 0.
    struct.pack_into(">I", made, made.index(b"mfhd") + 8, number)
    struct.pack_into(">Q", made, made.index(b"tfdt") + 8, first * FRAME)
    return bytes(made)


def _file(frames: Sequence[bytes]) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"movflags": _FLAGS}) as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        stream.codec_context.time_base = _BASE
        container.start_encoding()
        for n, frame in enumerate(frames):
            packet = av.Packet(frame)
            packet.stream, packet.time_base = stream, _BASE
            packet.pts = packet.dts = n * FRAME
            packet.duration = FRAME
            packet.is_keyframe = True
            container.mux(packet)
    return file.getvalue()
