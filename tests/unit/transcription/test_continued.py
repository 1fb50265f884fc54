"""Whoever begins where another one stopped, with nothing but the captured bundles, hears the same utterances."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable

import pytest

from contracts.capture import Bundle, CapturedPacket
from services.transcription import engines
from services.transcription.adapters.messages import FinalResult, Tuning
from services.transcription.engines import Hints, Recognised
from tests.integration.transcription.stage import carried
from tests.support.segmented import Segmented, Step

BASE = 1_800_000_000 * 10**9
FRAME_US = 20_000
TUNING = Tuning(long_s=3.0, longest_s=4.0)
EVERY = 4
"""Bundles between two crashes that are tried."""
AFTER = 2
"""Utterances after a crash that are compared: at the end of each, all state is made anew."""


class Fingerprint(engines.Session):
    """Tells what an engine is given, byte by byte, instead of words."""

    def __init__(self) -> None:
        self._pcm = b""

    def begin(self, hints: Hints = engines.NO_HINTS) -> None:
        self._pcm = b""

    def feed(self, samples: bytes) -> None:
        self._pcm += samples

    def partial(self) -> str:
        return ""

    def pause(self) -> None:
        pass

    def final(self) -> Recognised:
        return Recognised(hashlib.sha256(self._pcm).hexdigest())

    def drop(self) -> None:
        self._pcm = b""


def sentence(voice: str, number: int) -> list[bytes]:
    said = carried()[voice]
    start, end = (float(said.sentences[number][key]) for key in ("start_s", "end_s"))
    return said.packets[int(start * 50) - 10 : int(end * 50) + 30]


def silence(seconds: float) -> list[bytes]:
    """A microphone in a room where nobody talks."""
    said = carried()["awb"]
    quiet = said.packets[int(float(said.sentences[0]["end_s"]) * 50) + 8 :][:15]
    return [quiet[n % len(quiet)] for n in range(int(seconds * 50))]


def stream(parts: Iterable[tuple[list[bytes], float]], chance: random.Random) -> list[Bundle]:
    """Bundles of these packets with pauses after them in which nothing arrives; one packet in fifty is lost, one comes
    late, one twice. Bundles and pauses do not keep in step."""
    packets: list[CapturedPacket] = []
    offset, number = 0, 0
    for payloads, pause_s in parts:
        for payload in payloads:
            packet = CapturedPacket(offset + chance.randrange(8_000), number * 960, number & 0xFFFF, payload)
            match chance.randrange(50):
                case 0:
                    pass
                case 1 if packets:
                    packets.insert(-1, packet)
                case 2:
                    packets += [packet, packet]
                case _:
                    packets.append(packet)
            number += 1
            offset += FRAME_US
        offset += round(pause_s * 1e6)
    bundles: list[Bundle] = []
    while packets:
        size = chance.choice((4, 5, 5, 5, 6))
        part, packets = packets[:size], packets[size:]
        first = min(packet.arrival_us for packet in part)
        shifted = [CapturedPacket(p.arrival_us - first, p.timestamp & 0xFFFFFFFF, p.sequence, p.payload) for p in part]
        bundles.append(Bundle(BASE + first * 1000, 7, shifted))
    return bundles


def hear(bundles: list[Bundle], first: int, utterances: int | None = None) -> list[Step]:
    """What is made of the bundles from number `first` on, by somebody who knows of none before.

    All of them, or until so many utterances have ended.
    """
    segmented = Segmented(Fingerprint(), TUNING)
    steps: list[Step] = []
    for number, bundle in enumerate(bundles[first:], first):
        steps.append(segmented.feed(number, bundle))
        if utterances is not None and len(finals(steps)) >= utterances:
            break
    return steps


def finals(results: Iterable[Step]) -> list[tuple[int, int, int, str, int]]:
    return [_plain(final) for one in results for final in one.finals]


def _plain(final: FinalResult) -> tuple[int, int, int, str, int]:
    return final.began_ns, final.start_ns, final.end_ns, final.text, final.sequence


@pytest.mark.parametrize("seed", range(2))
def test_after_a_crash_at_any_moment_the_utterances_are_those_of_nobody_crashing(seed: int) -> None:
    parts = [
        (silence(1), 0.0), (sentence("slt", 0), 0.0), (silence(7), 0.0), (sentence("rms", 1)[:-20], 1.3),
        (sentence("awb", 1) + sentence("rms", 2)[6:], 0.7), (silence(2), 0.2), (sentence("slt", 1), 0.0),
    ]  # fmt: skip
    bundles = stream(parts, random.Random(seed))
    undisturbed = hear(bundles, 0)
    everything = finals(undisturbed)
    assert len(everything) >= 6
    tried = set()
    for crash in range(0, len(bundles), EVERY):
        stored = max((final[4] for final in everything if final[4] <= crash), default=-1)
        needed = undisturbed[crash].needed
        # After the last stored caption, or from where another speaker's caption says that this one is needed.
        for first in {stored + 1, crash + 1 if needed is None else needed}:
            if first not in tried and first < len(bundles):
                tried.add(first)
                again = finals(hear(bundles, first, AFTER))
                rest = [final for final in everything if final[4] >= first]
                assert again == rest[: max(len(again), AFTER)], first
    assert len(tried) > len(everything)


def test_little_is_needed_again_while_nobody_talks() -> None:
    bundles = stream([(silence(1), 0.0), (sentence("slt", 0), 0.0), (silence(20), 0.0)], random.Random(1))
    for number, results in enumerate(hear(bundles, 0)):
        if results.needed is not None and number > 60:
            assert number - results.needed < 70, "seven seconds"
