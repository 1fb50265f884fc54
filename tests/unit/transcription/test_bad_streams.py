"""Streams that begin in the middle, change their frames, or have holes and repeats are captioned all the same."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest
from av.codec.context import CodecContext
from numpy.typing import NDArray

from contracts.capture import Bundle, CapturedPacket, decode, encode
from services.transcription.adapters.messages import FinalResult
from services.transcription.engines import RATE, Recogniser
from services.transcription.engines.choosing import find
from tests.bench.captions.clips import SAMPLE, Clip, carried, opus
from tests.integration.transcription.stage import bundles
from tests.support.segmented import Segmented
from tests.support.wer import word_error_rate, words

BASE = 1_800_000_000 * 10**9
OPUS_RATE = 48_000
SILENCE = bytes(RATE * SAMPLE)
FRAMES_MS = (20, 60, 10, 40)
LONGEST_NS = 60_000_000

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    _, model = find("whisper", None, tmp_path_factory.mktemp("var"))
    return model.load(1)


@pytest.fixture(scope="module")
def clip() -> Clip:
    """The building has been empty for a long time and the roof is in very poor condition: two seconds stay of it on
    either side of the longest hole. Of half a word, different processors hear different words."""
    return carried()[9]


def spoken(clip: Clip) -> list[bytes]:
    return opus(SILENCE + clip.pcm + SILENCE)


def heard(recogniser: Recogniser, bodies: Iterator[bytes] | list[bytes]) -> tuple[str, list[FinalResult]]:
    finals = Segmented(recogniser.session()).finals(bodies)
    for final in finals:
        # A packet arrives when all of it was said.
        assert BASE - LONGEST_NS <= final.start_ns < final.end_ns
        length = (final.end_ns - final.start_ns) / 1e9 + 1
        assert all(0 <= word.start_s <= word.end_s <= length for word in final.words)
        assert all(one.start_s <= other.start_s for one, other in pairwise(final.words))
    return " ".join(final.text for final in finals), finals


def test_a_stream_that_begins_in_the_middle(recogniser: Recogniser, clip: Clip) -> None:
    # Nobody has seen the first 65,000 packets: its numbers and its clock are far on, and wrap.
    text, _ = heard(recogniser, list(bundles(spoken(clip), base_ns=BASE, first=65_500)))
    assert word_error_rate(clip.text, text) <= 0.2
    # In the middle of a word, too: what comes after is captioned.
    begun = spoken(clip)[50 + int(clip.seconds * 25) :]
    text, finals = heard(recogniser, list(bundles(begun, base_ns=BASE, first=30_000)))
    assert len(finals) == 1
    assert words(text).split()[-1] == words(clip.text).split()[-1]


@pytest.mark.parametrize("first", ["backwards", "no Opus", "silence", "its own end"])
def test_a_stream_that_begins_badly(recogniser: Recogniser, clip: Clip, first: str) -> None:
    bodies = list(bundles(spoken(clip), base_ns=BASE, first=4))
    one = decode(bodies[0])
    begun: Bundle = {
        "backwards": Bundle(one.base_ns, one.ssrc, tuple(reversed(one.packets))),
        "no Opus": Bundle(one.base_ns, one.ssrc, [CapturedPacket(0, 0, 3, b"\xff" * 40)] * 3),
        # What an encoder sends that is told to say nothing of silence.
        "silence": Bundle(one.base_ns, one.ssrc, [CapturedPacket(n, n * 960, n, b"\x78") for n in range(4)]),
        "its own end": Bundle(one.base_ns - 10**9, one.ssrc, (), last=True),
    }[first]
    text, finals = heard(recogniser, [encode(begun), *bodies[1:]])
    assert len(finals) == 1
    assert word_error_rate(clip.text, text) <= 0.2


def test_frames_that_change_their_length(recogniser: Recogniser, clip: Clip) -> None:
    text, finals = heard(recogniser, list(changing(SILENCE + clip.pcm + SILENCE)))
    assert len(finals) == 1
    # Every second another encoder begins.
    assert word_error_rate(clip.text, text) <= 0.3


@pytest.mark.parametrize("kind", ["each packet another", "shortest and longest", "stereo", "narrow band"])
def test_frames_of_another_kind(recogniser: Recogniser, clip: Clip, kind: str) -> None:
    pcm = SILENCE + clip.pcm + SILENCE
    lengths, layout, bit_rate = {
        "each packet another": ((20, 60, 10, 40), "mono", 32_000),
        "shortest and longest": ((2.5, 60), "mono", 64_000),
        "stereo": ((20,), "stereo", 64_000),
        "narrow band": ((60,), "mono", 6_000),
    }[kind]
    streams = [encoded(upsampled(pcm), length, layout, bit_rate) for length in lengths]
    packets: list[tuple[bytes, int]] = []
    at, number = 0.0, 0
    # Of each stream what it says of the moment; every decoder begins in the middle of the others' words.
    while at < len(pcm) / SAMPLE / RATE * 1000 - 200:
        turn = number if kind == "each packet another" else int(at // 1000)
        length, payloads = lengths[turn % len(lengths)], streams[turn % len(lengths)]
        packets.append((payloads[int(at / length)], int(length * OPUS_RATE / 1000)))
        at, number = at + length, number + 1
    text, finals = heard(recogniser, in_bundles(packets))
    assert len(finals) == 1
    # Of a word at each change hardly anything is left where every packet is another encoder's.
    assert word_error_rate(clip.text, text) <= (0.9 if kind == "each packet another" else 0.3)


def test_bundles_and_packets_that_come_again_are_heard_once(recogniser: Recogniser, clip: Clip) -> None:
    once = list(bundles(spoken(clip), base_ns=BASE))
    text, finals = heard(recogniser, once)
    again = [body for pair in zip(once[:-1], once[:-1], strict=True) for body in pair]
    twice, repeated = heard(recogniser, [*again, once[-1]])
    assert twice == text
    assert [final.start_ns for final in repeated] == [final.start_ns for final in finals]


def test_holes_cost_no_more_than_the_words_in_them(recogniser: Recogniser, clip: Clip) -> None:
    def holed(packets: list[bytes]) -> Iterator[bytes]:
        for body in bundles(packets, base_ns=BASE):
            bundle = decode(body)
            kept = [packet for packet in bundle.packets if packet.sequence % 20]
            yield encode(Bundle(bundle.base_ns, bundle.ssrc, kept, bundle.last))

    text, finals = heard(recogniser, holed(spoken(clip)))
    assert len(finals) == 1
    assert word_error_rate(clip.text, text) <= 0.3


@pytest.mark.parametrize("hole", ["one in twenty at random", "half a second", "a long one", "numbers anew after it"])
def test_holes_of_every_kind(recogniser: Recogniser, clip: Clip, hole: str) -> None:
    chance = random.Random(5)
    packets = spoken(clip)
    middle = 50 + int(clip.seconds * 25)

    def lost(number: int) -> bool:
        return {
            "one in twenty at random": chance.random() < 0.05,
            "half a second": middle <= number < middle + 25,
            "a long one": middle <= number < middle + 60,
            "numbers anew after it": middle <= number < middle + 10,
        }[hole]

    def holed() -> Iterator[bytes]:
        for body in bundles(packets, base_ns=BASE):
            bundle = decode(body)
            kept = [
                packet
                if hole != "numbers anew after it" or packet.sequence < middle
                else replace(packet, sequence=(packet.sequence + 40_000) % 65536)
                for packet in bundle.packets
                if not lost(packet.sequence)
            ]
            if kept or bundle.last:
                yield encode(replace(bundle, packets=kept))

    text, finals = heard(recogniser, holed())
    assert len(finals) <= 2
    begin, *_, end = words(clip.text).split()
    assert words(text).split()[0] == begin
    assert words(text).split()[-1] == end
    assert word_error_rate(clip.text, text) <= {"a long one": 0.6, "half a second": 0.5}.get(hole, 0.3)


def changing(pcm: bytes) -> Iterator[bytes]:
    """Bundles of one packet; the packets' length changes with every second."""
    samples = upsampled(pcm)
    packets: list[tuple[bytes, int]] = []
    for second in range(len(samples) // OPUS_RATE):
        milliseconds = FRAMES_MS[second % len(FRAMES_MS)]
        part = samples[second * OPUS_RATE : (second + 1) * OPUS_RATE]
        packets += ((one, milliseconds * OPUS_RATE // 1000) for one in encoded(part, milliseconds, "mono", 32_000))
    return in_bundles(packets)


def upsampled(pcm: bytes) -> NDArray[np.int16]:
    slow = np.frombuffer(pcm, "<i2")
    places = np.arange(len(slow) * OPUS_RATE // RATE) * RATE / OPUS_RATE
    samples: NDArray[np.int16] = np.interp(places, np.arange(len(slow)), slow).astype("<i2")
    return samples


def encoded(samples: NDArray[np.int16], milliseconds: float, layout: str, bit_rate: int) -> list[bytes]:
    """All of it, in packets of this length."""
    length = int(milliseconds * OPUS_RATE / 1000)
    encoder = CodecContext.create("libopus", "w")
    encoder.sample_rate = OPUS_RATE
    encoder.layout = layout
    encoder.format = "s16"
    encoder.bit_rate = bit_rate
    encoder.options = {"application": "voip", "frame_duration": str(milliseconds)}
    payloads: list[bytes] = []
    channels = 2 if layout == "stereo" else 1
    for start in range(0, len(samples) - length + 1, length):
        part = np.repeat(samples[start : start + length], channels)[None]
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
        frame.sample_rate = OPUS_RATE
        frame.pts = start
        frame.time_base = Fraction(1, OPUS_RATE)
        payloads += map(bytes, encoder.encode(frame))
    return payloads


def in_bundles(packets: list[tuple[bytes, int]]) -> Iterator[bytes]:
    """Packets and their lengths at 48 kHz, each in a bundle of its own."""
    at = 0
    for number, (payload, length) in enumerate(packets):
        packet = CapturedPacket(0, at & 0xFFFFFFFF, number & 0xFFFF, payload)
        yield encode(Bundle(BASE + at * 10**9 // OPUS_RATE, 7, [packet]))
        at += length
    yield encode(Bundle(BASE + at * 10**9 // OPUS_RATE, 7, (), last=True))
