"""What is known of Opus packets without decoding them, and of the numbers that RTP gives them."""

from __future__ import annotations

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.audio import opus
from libs.audio.decoder import opus_decoder
from libs.audio.rtp import sequence_step, timestamp_step


def test_every_frame_of_silence_is_silent_and_as_long_as_it_says() -> None:
    for samples, packet in opus.SILENCE.items():
        assert opus.duration(packet) == samples
        (frame,) = opus_decoder("mono").decode(av.Packet(packet))
        assert frame.samples == samples
        assert not frame.to_ndarray().any()


@pytest.mark.parametrize(
    "packet",
    [b"", b"\x79\x00", b"\x7a", b"\x7b", b"\x7b\x00", b"\x7b\x07", bytes([0x1B, 0x03]), bytes(70_000)],
    ids=["empty", "halves of an odd whole", "no length", "no count", "no frames", "140 ms", "180 ms", "huge"],
)
def test_what_no_decoder_takes_is_refused(packet: bytes) -> None:
    with pytest.raises(ValueError):
        opus.duration(packet)


@pytest.mark.parametrize(
    ("packet", "milliseconds"),
    [(b"\x08", 20), (b"\x18", 60), (b"\x78", 20), (b"\xe0", 2.5), (b"\xf9\x00\x00", 40), (b"\x7b\x06", 120)],
)
def test_durations_are_read_from_the_first_bytes(packet: bytes, milliseconds: float) -> None:
    assert opus.duration(packet) == milliseconds * 48


@given(st.integers(0, 0xFFFF), st.integers(-0x8000, 0x7FFF))
def test_sequence_numbers_are_compared_across_their_wrap(earlier: int, step: int) -> None:
    assert sequence_step(earlier, (earlier + step) % 0x1_0000) == step


@given(st.integers(0, 0xFFFF_FFFF), st.integers(-0x8000_0000, 0x7FFF_FFFF))
def test_timestamps_are_compared_across_their_wrap(earlier: int, step: int) -> None:
    assert timestamp_step(earlier, (earlier + step) % 0x1_0000_0000) == step
