"""How loud a mix is, as others measure it: pyloudnorm for loudness, four times as many samples for peaks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from services.recording.replay import mix
from services.recording.replay.loudness import HOP, Integrated, Levelled, Limiter, Weighting
from tests.unit.recording.sounds import RATE, Audio, load, lufs, noise, speech

_VOICES = ("awb", "rms", "slt")


def test_loudness_is_measured_as_others_measure_it() -> None:
    audio = speech("awb", 20)
    weighting, whole = Weighting(), Integrated()
    for at in range(0, len(audio) - HOP, HOP):
        whole.take(weighting.power(audio[at : at + HOP]))
    assert whole.lufs == pytest.approx(lufs(audio), abs=0.1)


@pytest.mark.parametrize("gain", [-30, 0, 18])
def test_one_speaker_is_as_loud_as_every_other_however_loud_they_were(gain: int, tmp_path: Path) -> None:
    heard = _heard([_louder(speech("rms", 12), gain)], tmp_path)
    assert lufs(heard) == pytest.approx(-16, abs=1)
    assert _true_peak(heard) <= -1


def test_five_people_at_once_are_no_louder_and_do_not_clip(tmp_path: Path) -> None:
    said = [
        np.roll(_louder(speech(_VOICES[n % 3], 15), gain), 3 * n * RATE) for n, gain in enumerate((-20, 0, 8, -12, 3))
    ]
    heard = _heard(said, tmp_path)
    assert lufs(heard) == pytest.approx(-16, abs=1)
    assert _true_peak(heard) <= -1


def test_people_who_speak_in_turn_and_at_once_are_equally_loud_throughout(tmp_path: Path) -> None:
    voices = [_louder(speech(voice, 16), gain) for voice, gain in zip(_VOICES, (-20, 6, -6), strict=True)]
    turns = [np.pad(audio[: 8 * RATE], (8 * n * RATE, 0)) for n, audio in enumerate(voices)]
    together = [np.pad(audio[8 * RATE :], (24 * RATE, 0)) for audio in voices]
    said = [_sum([turn, rest]) for turn, rest in zip(turns, together, strict=True)]
    heard = _heard(said, tmp_path)
    assert lufs(heard) == pytest.approx(-16, abs=1)
    assert _true_peak(heard) <= -1
    for turn in range(4):
        assert lufs(heard[8 * turn * RATE : 8 * (turn + 1) * RATE]) == pytest.approx(-16, abs=2.5)


def test_sudden_noise_is_limited_also_between_samples(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    bursts = np.where(np.arange(12 * RATE) // 4800 % 9 == 0, rng.uniform(-1, 1, 12 * RATE), 0).astype(np.float32)
    heard = _heard([_sum([speech("slt", 12), bursts])], tmp_path)
    assert _true_peak(heard) <= -1


def test_a_room_that_is_silent_stays_quiet(tmp_path: Path) -> None:
    hiss = np.random.default_rng(1).normal(0, 3e-4, 10 * RATE).astype(np.float32)
    heard = _heard([hiss], tmp_path)
    assert lufs(heard) < -55


def test_the_limiter_changes_nothing_that_is_low_enough_and_is_late_by_what_it_says() -> None:
    audio = (noise(2) / 4).astype(np.float32)
    audio = audio[: len(audio) // HOP * HOP]
    limiter = Limiter()
    made = np.concatenate([limiter.next(audio[at : at + HOP]) for at in range(0, len(audio), HOP)])
    assert np.array_equal(made[Limiter.DELAY :], audio[: -Limiter.DELAY])


def test_the_mix_has_the_length_of_what_was_said_and_is_in_time() -> None:
    click = np.zeros(5 * HOP, np.float32)
    click[2 * HOP + 100] = 0.2
    made = _mixed([click])
    assert len(made) == len(click)
    assert int(np.abs(made).argmax()) == 2 * HOP + 100


def _mixed(said: Sequence[Audio]) -> Audio:
    """What people said at the same time, levelled."""
    levelled, length = Levelled(), max(map(len, said))
    padded = [np.pad(audio, (0, length - len(audio) + -length % HOP)) for audio in said]
    hops = [
        levelled.next({str(n): audio[at : at + HOP] for n, audio in enumerate(padded)}) for at in range(0, length, HOP)
    ]
    return np.concatenate([*hops, levelled.rest()])


def _heard(said: Sequence[Audio], folder: Path) -> Audio:
    """What a player hears of it: levelled, encoded, and decoded again."""
    mix.write_m4a(iter([_mixed(said)]), folder / "mix.m4a")
    return load(folder / "mix.m4a")


def _louder(audio: Audio, decibels: float) -> Audio:
    return (audio * 10 ** (decibels / 20)).astype(np.float32)


def _sum(parts: Sequence[Audio]) -> Audio:
    total = np.zeros(max(map(len, parts)), np.float32)
    for part in parts:
        total[: len(part)] += part
    return total


def _true_peak(audio: Audio) -> float:
    """dBTP, from a spectrum that is four times as wide."""
    audio = np.pad(audio, (0, (1 << len(audio).bit_length()) - len(audio)))
    highest = np.abs(np.fft.irfft(np.fft.rfft(audio), 4 * len(audio)) * 4).max()
    return float(20 * np.log10(highest))
