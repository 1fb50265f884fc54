"""From captured Opus packets to the PCM that a speech engine takes."""

from __future__ import annotations

import random

import numpy as np
from numpy.typing import NDArray

from contracts.capture import Bundle, CapturedPacket
from services.transcription.adapters.pcm import PcmStream
from services.transcription.engines import RATE
from tests.integration.transcription.stage import carried

BASE = 1_800_000_000 * 10**9
FRAME = RATE // 50
"""Samples of a packet."""


def packet(number: int, payload: bytes, *, timestamp: int | None = None, late_us: int = 0) -> CapturedPacket:
    return CapturedPacket(number * 20_000 + late_us, number * 960 if timestamp is None else timestamp, number, payload)


def test_lost_packets_are_filled_and_late_or_doubled_ones_are_left_out() -> None:
    payloads = carried()["slt"].packets[20:40]
    stream = PcmStream(0.6)
    order = [0, 1, 2, 2, 4, 3, 5, 9, 8]
    bundle = Bundle(BASE, 1, [packet(n, payloads[n]) for n in order])
    samples = sum(len(piece.samples) for piece in stream.pieces(bundle)) // 2
    # 0..5 and 8, 9, with 6 and 7 filled.
    assert abs(samples - 10 * RATE // 50) < RATE // 50
    again = Bundle(BASE, 1, [packet(n, payloads[n]) for n in (3, 7, 9)])
    assert list(stream.pieces(again)) == []


def heard(payloads: list[bytes], numbers: list[int]) -> NDArray[np.float64]:
    """What is made of these packets alone."""
    pieces = PcmStream(0.6).pieces(Bundle(BASE, 1, [packet(n, payloads[n]) for n in numbers]))
    return np.frombuffer(b"".join(piece.samples for piece in pieces), "<i2").astype(float)


def test_a_lost_packet_sounds_like_the_one_before_it() -> None:
    """Else a vowel would be cut in two, and a word with it."""
    payloads = carried()["slt"].packets[20:60]
    everything = heard(payloads, list(range(40)))
    for lost in (range(8, 9), range(20, 22), range(30, 35)):
        some = heard(payloads, [n for n in range(40) if n not in lost])
        assert len(some) == len(everything)
        gap = slice(lost.start * FRAME, lost.stop * FRAME)
        assert np.sqrt(np.mean(some[gap] ** 2)) > 0.3 * np.sqrt(np.mean(everything[gap] ** 2))


def test_a_longer_loss_is_silence() -> None:
    payloads = carried()["slt"].packets[20:60]
    some = heard(payloads, [*range(8), *range(14, 40)])
    assert not some[9 * FRAME : 13 * FRAME].any()


def test_a_discontinuous_sender_is_silent_in_between() -> None:
    payloads = carried()["slt"].packets[20:40]
    stream = PcmStream(0.6)
    sparse = [CapturedPacket(0, 0, 0, payloads[0]), CapturedPacket(400_000, 20 * 960, 1, payloads[1])]
    samples = sum(len(piece.samples) for piece in stream.pieces(Bundle(BASE, 1, sparse))) // 2
    assert abs(samples - 21 * RATE // 50) < RATE // 50


def test_a_sequence_that_wraps_is_no_gap() -> None:
    payloads = carried()["slt"].packets[20:40]
    stream = PcmStream(0.6)
    packets = [
        CapturedPacket(i * 20_000, (2**32 - 1920 + i * 960) % 2**32, (65534 + i) % 65536, payloads[i]) for i in range(6)
    ]
    samples = sum(len(piece.samples) for piece in stream.pieces(Bundle(BASE, 1, packets))) // 2
    assert abs(samples - 6 * RATE // 50) < RATE // 50


def test_what_is_no_opus_is_counted_and_left_out() -> None:
    noise = random.Random(3)
    stream = PcmStream(0.6)
    for number in range(200):
        garbage = CapturedPacket(
            noise.getrandbits(32), noise.getrandbits(32), noise.getrandbits(16), noise.randbytes(noise.randrange(300))
        )
        list(stream.pieces(Bundle(BASE + number, noise.getrandbits(2), [garbage])))
    list(stream.pieces(Bundle(BASE, 9, [CapturedPacket(0, 0, 1, b"\xff" * 3)])))
    assert stream.undecodable > 0
    good = Bundle(BASE, 10, [packet(n, p) for n, p in enumerate(carried()["slt"].packets[20:30])])
    assert sum(len(piece.samples) for piece in stream.pieces(good)) > 9 * RATE // 50


def test_another_stream_of_a_continuous_session_goes_on() -> None:
    payloads = carried()["slt"].packets[20:40]
    stream = PcmStream(0.6)
    first = Bundle(BASE, 1, [packet(n, payloads[n]) for n in range(5)], continuous=True)
    # Two packets are lost where the stream changes, and one of the old stream comes late.
    second = Bundle(BASE, 2, [packet(n, payloads[n]) for n in (8, 7, 4, 9)], continuous=True)
    samples = sum(len(piece.samples) for bundle in (first, second) for piece in stream.pieces(bundle)) // 2
    assert abs(samples - 10 * RATE // 50) < RATE // 50


def test_a_sender_that_numbers_anew_is_heard_on() -> None:
    """Else nothing of it would be heard until its numbers are again where they were: for minutes."""
    payloads = carried()["slt"].packets[20:40]
    stream = PcmStream(0.6)
    for first in (0, 40_000, 3, 62_000, 25_000):
        packets = [CapturedPacket(n * 20_000, n * 960, (first + n) % 65536, payloads[n]) for n in range(10)]
        samples = sum(len(piece.samples) for piece in stream.pieces(Bundle(BASE, 1, packets))) // 2
        assert abs(samples - 10 * RATE // 50) < RATE // 50, first
