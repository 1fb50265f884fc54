"""The mix while a Space runs: what was said is in it when it was said, and parts never change."""

from __future__ import annotations

import io
import time

import av
import numpy as np
import pytest

from services.recording.replay import fragments
from services.recording.replay.live import FRAMES, HOLD, PART, LiveMix
from tests.unit.recording.sounds import BASE_NS, RATE, Audio, bundles, encode, lufs, shift, speech, stream


def test_parts_are_sixteen_frames_and_play_one_after_another() -> None:
    said = speech("awb", 12)
    made = _live({"ada": [*bundles(stream(encode(said), at=1.0))]}, 14)
    assert [number for number, _ in made] == list(range(len(made)))
    assert len(made) * PART / RATE == pytest.approx(14, abs=0.5)
    with av.open(io.BytesIO(_file(made)), "r") as container:
        times = [packet.pts for packet in container.demux(audio=0) if packet.size]
        assert container.streams.audio[0].codec_context.name == "aac"
    assert times == [n * 1024 for n in range(len(made) * FRAMES)]
    heard = _decoded(_file(made))
    late, likeness = shift(said[: 10 * RATE], heard[RATE : 11 * RATE + 4800], within=0.3)
    assert abs(late) < 0.02
    assert likeness > 0.8


def test_five_people_are_heard_at_one_loudness_while_they_speak() -> None:
    said = {
        str(n): [*bundles(stream(encode((speech(voice, 12) * gain).astype(np.float32)), at=n * 2.0), ssrc=n + 1)]
        for n, (voice, gain) in enumerate((("awb", 0.1), ("rms", 1), ("slt", 3), ("awb", 0.5), ("rms", 0.2)))
    }
    heard = _decoded(_file(_live(said, 22)))
    assert lufs(heard) == pytest.approx(-16, abs=1)


def test_after_a_crash_the_mix_goes_on_with_the_next_part() -> None:
    given = {"ada": [*bundles(stream(encode(speech("slt", 20)), at=0.5))]}
    undisturbed = _live(given, 20)
    crashed = 31
    goes_on = _live(given, 20, first=crashed)
    assert [number for number, _ in goes_on] == list(range(crashed, len(undisturbed)))
    whole = _decoded(_file(undisturbed))
    joined = _decoded(_file([*undisturbed[:crashed], *goes_on]))
    difference = (whole - joined)[: len(whole)]
    assert not difference[: (crashed * FRAMES - 1) * 1024].any()
    assert float(np.sqrt(np.mean(difference**2))) < 0.01 * float(np.sqrt(np.mean(whole**2)))


def test_bundles_that_come_twice_or_hold_no_opus_change_nothing() -> None:
    given = [*bundles(stream(encode(speech("slt", 4)), at=0.5))]
    twice = [bundle for one in given for bundle in (one, one)]
    assert _live({"ada": twice}, 5) == _live({"ada": given}, 5)
    broken = stream([bytes([0x7B, 0x81, 0xFF])] * 20, at=4.6, timestamp=90_000, sequence=9000)
    made = _live({"ada": [*given, *bundles(broken, ssrc=7)]}, 6)
    assert len(made) == pytest.approx(6 * RATE / PART, abs=3)


def test_a_sender_that_stalls_and_goes_on_without_a_gap_in_its_timestamps_is_heard_when_it_speaks() -> None:
    said = encode(speech("rms", 8))
    sent = [*stream(said[:150], at=0.5), *stream(said[150:], at=7.5, timestamp=7_000 + 150 * 960, sequence=250)]
    heard = _decoded(_file(_live({"ada": [*bundles(sent, continuous=True)]}, 13)))
    late, likeness = shift(speech("rms", 8)[4 * RATE : 7 * RATE], heard[int(8.5 * RATE) : 12 * RATE], within=0.3)
    assert abs(late) < 0.05
    assert likeness > 0.7


def test_ten_microphones_take_a_small_part_of_a_core() -> None:
    """Said in the benchmark: here only that it is far from a whole core."""
    given = {str(n): [*bundles(stream(encode(speech("awb", 5)), at=0), ssrc=n + 1)] for n in range(10)}
    began = time.process_time()
    _live(given, 6)
    assert (time.process_time() - began) / 6 < 0.8


def _live(given: dict[str, list[bytes]], seconds: float, *, first: int = 0) -> list[tuple[int, bytes]]:
    """The parts of what people said, told as it would be while they speak."""
    live = LiveMix(BASE_NS, first)
    for person, bodies in given.items():
        for body in bodies:
            live.take(person, f"{person}-session", body)
    made: list[tuple[int, bytes]] = []
    for tenth in range(round(seconds * 10)):
        made += live.advance(BASE_NS + tenth * 100_000_000 + HOLD * 1_000_000_000 // RATE)
    return [*made, *live.end()]


def _file(parts: list[tuple[int, bytes]]) -> bytes:
    return fragments.header() + b"".join(part for _, part in parts)


def _decoded(file: bytes) -> Audio:
    with av.open(io.BytesIO(file), "r") as container:
        return np.concatenate([frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)])
