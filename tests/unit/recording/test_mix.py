"""The mix: everybody, in time, not too loud, in little memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from services.recording.replay import mix
from tests.unit.recording.keys import file
from tests.unit.recording.sounds import RATE, encode, load, noise, shift
from tests.unit.recording.test_ogg import write


def test_everybody_is_in_the_mix_at_their_time(tmp_path: Path) -> None:
    said = [noise(2, 1), noise(3, 2)]
    for n, audio in enumerate(said):
        write(tmp_path / f"{n}.ogg", encode(audio))
    parts = [mix.MixPart(file(tmp_path / "0.ogg"), RATE // 2), mix.MixPart(file(tmp_path / "1.ogg"), 4 * RATE)]
    samples = mix.write_m4a(mix.mixed(parts), tmp_path / "mix.m4a")
    heard = load(tmp_path / "mix.m4a")
    assert samples / RATE == pytest.approx(7.0, abs=0.03)
    assert len(heard) / RATE == pytest.approx(samples / RATE, abs=0.025)
    for audio, start in zip(said, (RATE // 2, 4 * RATE), strict=True):
        late, likeness = shift(audio, heard[start : start + len(audio)], within=0.2)
        assert abs(late) < 0.002
        assert likeness > 0.8
    assert float(np.abs(heard[: RATE // 2 - 2048]).max()) < 0.01
    assert float(np.abs(heard[int(2.6 * RATE) : int(3.9 * RATE)]).max()) < 0.01


def test_a_long_silence_before_and_between_costs_no_audio(tmp_path: Path) -> None:
    write(tmp_path / "0.ogg", encode(noise(1)))
    chunks = list(mix.mixed([mix.MixPart(file(tmp_path / "0.ogg"), 100 * RATE + 7)]))
    assert sum(map(len, chunks)) == pytest.approx(101 * RATE, abs=2 * 960)
    assert not any(chunk.any() for chunk in chunks[:100])
    assert max(map(len, chunks)) < RATE


def test_what_cannot_be_decoded_is_silence_and_the_rest_is_heard(tmp_path: Path) -> None:
    said = noise(3)
    packets = encode(said)
    garbage = [bytes([0x78]) + np.random.default_rng(n).bytes(40) for n in range(10)]
    broken = [b"\x7b\x81\xff" for _ in range(10)]  # says it has padding, and has none
    write(tmp_path / "0.ogg", packets[:50] + garbage + broken + packets[70:])
    audio = np.concatenate(list(mix.decode(file(tmp_path / "0.ogg"))))
    assert len(audio) == pytest.approx(len(packets) * 960, abs=960)
    assert abs(shift(said[75 * 960 : 140 * 960], audio[75 * 960 :], within=0.1)[0]) < 0.001


def test_nothing_at_all_is_still_a_file(tmp_path: Path) -> None:
    assert mix.write_m4a(mix.mixed([]), tmp_path / "mix.m4a") == 0
    assert (tmp_path / "mix.m4a").stat().st_size > 0
