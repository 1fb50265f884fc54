"""Tracks: what players read from them, and that packets stay what they were."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from libs.audio import opus
from services.recording.replay import mix, ogg
from tests.unit.recording.keys import file
from tests.unit.recording.sounds import FRAME, RATE, encode, noise, shift


def write(path: Path, packets: list[bytes], *, gap_after: int = 0, gap: int = 0, channels: int = 1) -> int:
    """Write packets with a gap (samples) somewhere; the samples in the file."""
    with open(path, "wb") as out:
        tags = {"ARTIST": "Zoë", "TITLE": "x" * 3000}
        with ogg.OggOpusWriter(out.write, serial=7, channels=channels, tags=tags) as writer:
            for n, packet in enumerate(packets):
                if gap and n == gap_after:
                    writer.silence(gap)
                writer.packet(packet, opus.duration(packet))
        return writer.samples


def read(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize("frame", [120, 480, 960, 1920, 2880])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_packets_come_back_byte_for_byte(tmp_path: Path, frame: int, layout: str) -> None:
    packets = encode(noise(1.5), frame=frame, layout=layout, bit_rate=160_000)
    assert all(opus.duration(packet) == frame for packet in packets)
    assert any(map(opus.is_stereo, packets)) == (layout == "stereo")
    samples = write(tmp_path / "track.ogg", packets, channels=2 if layout == "stereo" else 1)
    assert samples == len(packets) * frame
    assert read(tmp_path / "track.ogg") == packets
    with av.open(str(tmp_path / "track.ogg")) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.codec_context.layout.name) == ("opus", RATE, layout)
        assert stream.metadata["ARTIST"] == "Zoë"
        assert (stream.duration or 0) == pytest.approx(samples, abs=ogg.PRE_SKIP)


def test_a_packet_of_many_pages_lacing_values_comes_back(tmp_path: Path) -> None:
    packets = [bytes([0x78]) + bytes(length) for length in (254, 255, 510, 1274, 1, 255 * 4 - 1)] * 60
    write(tmp_path / "track.ogg", packets)
    assert read(tmp_path / "track.ogg") == packets


def test_gaps_are_silence_of_their_length(tmp_path: Path) -> None:
    said = noise(2)
    gap = 3 * RATE + 480 + 240 + 120
    write(tmp_path / "track.ogg", encode(said), gap_after=50, gap=gap)
    audio = np.concatenate(list(mix.decode(file(tmp_path / "track.ogg"))))
    after = 50 * FRAME + gap
    assert abs(shift(said[: RATE - FRAME], audio[:RATE])[0]) < 0.001
    assert abs(shift(said[50 * FRAME : 95 * FRAME], audio[after:])[0]) < 0.001
    assert float(np.abs(audio[RATE + FRAME : after - FRAME]).max()) < 0.001
    packets = read(tmp_path / "track.ogg")
    assert packets.count(b"\xf8\xff\xfe") == gap // FRAME


def test_pages_are_as_the_rfcs_want_them() -> None:
    out = io.BytesIO()
    with ogg.OggOpusWriter(out.write, serial=0x01020304, channels=1, tags={}) as writer:
        for packet in encode(noise(3)):
            writer.packet(packet, FRAME)
    data = out.getvalue()
    pages: list[tuple[int, int, bytes]] = []
    while data:
        magic, version, flags, granule, serial, number, crc, segments = struct.unpack_from("<4sBBqIIIB", data)
        assert (magic, version, serial, number) == (b"OggS", 0, 0x01020304, len(pages))
        length = 27 + segments + sum(data[27 : 27 + segments])
        page, data = data[:length], data[length:]
        assert slow_crc(page[:22] + bytes(4) + page[26:]) == crc
        pages.append((flags, granule, page[27 + segments :]))
    assert pages[0][2] == struct.pack("<8sBBHIhB", b"OpusHead", 1, 1, 312, 48000, 0, 0)
    assert pages[1][2].startswith(b"OpusTags")
    assert [flags for flags, _, _ in pages] == [2, 0, *[0] * (len(pages) - 3), 4]
    granules = [granule for _, granule, _ in pages[2:]]
    assert granules == [RATE, 2 * RATE, 3 * RATE, writer.samples]


def slow_crc(page: bytes) -> int:
    """RFC 3533's CRC, bit by bit."""
    crc = 0
    for byte in page:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc
