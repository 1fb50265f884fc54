"""From captured packets to utterances, without a bus."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest

from contracts.capture import Bundle, Packet, decode
from services.transcription.adapters.ear import Ear
from services.transcription.adapters.messages import Heard, Tuning
from services.transcription.adapters.opus import RATE, OpusStream
from services.transcription.adapters.recogniser import Recognisers
from tests.integration.transcription.stage import bundles, carried

BASE = 1_800_000_000 * 10**9
S = 10**9


@pytest.fixture(scope="module")
def recognisers() -> Recognisers:
    return Recognisers(1)


def told(ear: Ear, bodies: Iterator[bytes] | list[bytes], *, first: int = 1) -> list[Heard]:
    return [ear.hear(first + index, decode(body)) for index, body in enumerate(bodies)]


def sentence(voice: str, number: int) -> list[bytes]:
    """The packets of one sentence with the pause after it."""
    said = carried()[voice]
    start = float(said.sentences[number]["start_s"])
    end = float(said.sentences[number]["end_s"])
    return said.packets[int(start * 50) - 5 : int(end * 50) + 23]


def test_an_utterance_is_heard_again_under_the_same_name(recognisers: Recognisers) -> None:
    bodies = list(bundles(carried()["slt"].packets[:425], base_ns=BASE))
    once = told(Ear(recognisers, Tuning()), bodies)
    said = [s for heard in once for s in heard.said]
    assert len(said) == 2
    # The process died somewhere in the second: it goes on after what was stored of the first.
    resumed = said[0].sequence
    again = told(Ear(recognisers, Tuning()), bodies[resumed:], first=resumed + 1)
    repeated = [s for heard in again for s in heard.said]
    assert [s.began_ns for s in repeated] == [said[1].began_ns]
    assert repeated[0].sequence == said[1].sequence
    assert abs(repeated[0].start_ns - said[1].start_ns) < S // 10


def test_what_is_needed_covers_the_utterance_from_its_first_bundle(recognisers: Recognisers) -> None:
    ear = Ear(recognisers, Tuning())
    heard = told(ear, list(bundles(sentence("rms", 4)[:-23], base_ns=BASE, last=False)))
    needed = [h.needed for h in heard]
    assert needed[-1] is not None
    assert needed[-1] <= 3
    assert all(b >= a for a, b in pairwise(n for n in needed if n is not None))
    done = ear.flush(len(heard))
    assert done.needed is None
    assert done.said[0].sequence == len(heard)
    assert "the city should have a voice" in done.said[0].text


def test_the_first_words_are_shown_soon_and_then_renewed(recognisers: Recognisers) -> None:
    said = carried()["rms"]
    heard = told(Ear(recognisers, Tuning()), list(bundles(said.packets[:255], base_ns=BASE)))
    shown = [(index + 1) / 10 for index, h in enumerate(heard) if h.so_far is not None]
    assert shown[0] - float(said.sentences[0]["start_s"]) <= 1.5
    assert all(0.4 <= b - a <= 1.1 for a, b in pairwise(shown)), shown
    texts = [h.so_far.text for h in heard if h.so_far is not None]
    assert all(a != b for a, b in pairwise(texts))


def test_silence_is_no_caption(recognisers: Recognisers) -> None:
    said = carried()["awb"]
    gap = said.packets[int(float(said.sentences[0]["end_s"]) * 50) + 8 :][:15]
    heard = told(Ear(recognisers, Tuning()), list(bundles(gap * 20, base_ns=BASE)))
    assert [h for h in heard if h.said or h.so_far] == []


def test_who_never_pauses_is_cut(recognisers: Recognisers) -> None:
    packets = sentence("rms", 4)[:-25] + sentence("rms", 3)[6:-25] + sentence("rms", 2)[6:-25]
    tuning = Tuning(long_s=3.0, longest_s=4.5)
    said = [s for h in told(Ear(recognisers, tuning), list(bundles(packets, base_ns=BASE))) for s in h.said]
    assert len(said) >= 3
    assert all(s.end_ns - s.start_ns <= 4.7 * S for s in said)
    # Nothing is lost between them.
    assert all(after.start_ns - before.end_ns < 0.5 * S for before, after in pairwise(said))


def test_a_speaker_who_finds_no_decoder_gets_a_caption_all_the_same(recognisers: Recognisers) -> None:
    first, second = Ear(recognisers, Tuning()), Ear(recognisers, Tuning())
    talking = list(bundles(sentence("awb", 0), base_ns=BASE))
    other = list(bundles(sentence("slt", 0), base_ns=BASE))
    said = {"awb": "", "slt": ""}
    shown = {"awb": 0, "slt": 0}
    for number, (one, two) in enumerate(zip(talking, other, strict=False), 1):
        for voice, ear, body in (("awb", first, one), ("slt", second, two)):
            heard = ear.hear(number, decode(body))
            said[voice] += "".join(s.text for s in heard.said)
            shown[voice] += heard.so_far is not None
    said["awb"] += "".join(s.text for s in first.flush(99).said)
    assert said["awb"].startswith("Good evening everybody")
    assert said["slt"].startswith("My sister and I")
    assert (shown["awb"] == 0) != (shown["slt"] == 0), "there is one decoder, and it follows one of them"


def test_a_pause_in_which_nothing_arrives_ends_an_utterance(recognisers: Recognisers) -> None:
    packets = sentence("rms", 0)
    half = packets[: len(packets) // 2]
    ear = Ear(recognisers, Tuning())
    before = told(ear, list(bundles(half, base_ns=BASE, last=False)))
    assert not any(h.said for h in before)
    after = told(ear, list(bundles(sentence("rms", 1), base_ns=BASE + 60 * S, first=len(half))), first=1000)
    said = [s for h in after for s in h.said]
    assert len(said) == 2
    assert said[0].sequence == 999
    assert said[0].end_ns < BASE + 10 * S
    assert said[1].start_ns >= BASE + 59 * S


def packet(number: int, payload: bytes, *, timestamp: int | None = None, late_us: int = 0) -> Packet:
    return Packet(number * 20_000 + late_us, number * 960 if timestamp is None else timestamp, number, payload)


def test_lost_packets_are_silence_and_late_or_doubled_ones_are_left_out() -> None:
    payloads = carried()["slt"].packets[20:40]
    stream = OpusStream(0.6)
    order = [0, 1, 2, 2, 4, 3, 5, 9, 8]
    bundle = Bundle(BASE, 1, [packet(n, payloads[n]) for n in order])
    samples = sum(len(piece.samples) for piece in stream.pieces(bundle)) // 2
    # 0..5 and 8, 9, with 6 and 7 filled.
    assert abs(samples - 10 * RATE // 50) < RATE // 50
    again = Bundle(BASE, 1, [packet(n, payloads[n]) for n in (3, 7, 9)])
    assert list(stream.pieces(again)) == []


def test_a_discontinuous_sender_is_silent_in_between() -> None:
    payloads = carried()["slt"].packets[20:40]
    stream = OpusStream(0.6)
    sparse = [Packet(0, 0, 0, payloads[0]), Packet(400_000, 20 * 960, 1, payloads[1])]
    samples = sum(len(piece.samples) for piece in stream.pieces(Bundle(BASE, 1, sparse))) // 2
    assert abs(samples - 21 * RATE // 50) < RATE // 50


def test_a_sequence_that_wraps_is_no_gap() -> None:
    payloads = carried()["slt"].packets[20:40]
    stream = OpusStream(0.6)
    packets = [Packet(i * 20_000, (2**32 - 1920 + i * 960) % 2**32, (65534 + i) % 65536, payloads[i]) for i in range(6)]
    samples = sum(len(piece.samples) for piece in stream.pieces(Bundle(BASE, 1, packets))) // 2
    assert abs(samples - 6 * RATE // 50) < RATE // 50


def test_what_is_no_opus_is_counted_and_left_out() -> None:
    noise = random.Random(3)
    stream = OpusStream(0.6)
    for number in range(200):
        garbage = Packet(
            noise.getrandbits(32), noise.getrandbits(32), noise.getrandbits(16), noise.randbytes(noise.randrange(300))
        )
        list(stream.pieces(Bundle(BASE + number, noise.getrandbits(2), [garbage])))
    list(stream.pieces(Bundle(BASE, 9, [Packet(0, 0, 1, b"\xff" * 3)])))
    assert stream.undecodable > 0
    good = Bundle(BASE, 10, [packet(n, p) for n, p in enumerate(carried()["slt"].packets[20:30])])
    assert sum(len(piece.samples) for piece in stream.pieces(good)) > 9 * RATE // 50
