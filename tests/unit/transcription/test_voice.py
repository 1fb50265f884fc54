"""What is speech, and what is not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from services.transcription.engines import NO_HINTS, RATE, Hints, Recogniser
from services.transcription.engines.choosing import find
from tests.bench.captions.clips import SAMPLE, Clip, carried, opus
from tests.integration.transcription.stage import bundles
from tests.support.noises import noises
from tests.support.segmented import Segmented
from tests.support.wer import words

BASE = 1_800_000_000 * 10**9
SECOND = bytes(RATE * SAMPLE)
QUIET_DB = -40.0
"""Root mean square of the speech, over full scale."""
STAGE = Hints("en", "Angus, Robert, Selma. Three short stories. stories")
LIST = Hints("en", "Jane Austen, Marianne, Elinor, Edward Ferrars. Reading aloud. books, literature")
SOME = 5
"""Clips in every run; the others are tried in the long ones."""


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    _, model = find("auto", None, tmp_path_factory.mktemp("var"))
    return model.load(1)


def _captions(
    recogniser: Recogniser, seconds: float, seed: int, hints: Hints = NO_HINTS, only: str = ""
) -> list[tuple[str, str]]:
    return [
        (name, final.text)
        for name, pcm in noises(seconds, seed)
        if only in name
        for final in Segmented(recogniser.session(), hints=hints).finals(bundles(opus(pcm), base_ns=BASE))
    ]


def test_noise_tones_music_and_silence_give_no_caption(recogniser: Recogniser) -> None:
    assert _captions(recogniser, 3.0, seed=1) == []


@pytest.mark.parametrize(
    ("sound", "seed", "hints"),
    [
        ("a tone that swells", 0, LIST),
        ("a tone that swells", 12, STAGE),
        ("a tone that swells", 12, LIST),
        ("a reed melody", 7, LIST),
    ],
)
def test_tones_give_no_caption_either_where_the_recogniser_is_told_words(
    recogniser: Recogniser, sound: str, seed: int, hints: Hints
) -> None:
    assert _captions(recogniser, 10.0, seed, hints, sound) == []


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("hints", [NO_HINTS, STAGE, LIST])
def test_ten_minutes_of_noise_tones_and_music_give_no_caption(recogniser: Recogniser, hints: Hints) -> None:
    assert [caption for seed in range(4) for caption in _captions(recogniser, 10.0, seed, hints)] == []


def test_quiet_speech_is_heard_as_well_as_loud(recogniser: Recogniser) -> None:
    _quietly(recogniser, carried()[:SOME])


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_no_utterance_of_the_other_speech_is_lost_when_it_is_quiet(recogniser: Recogniser) -> None:
    _quietly(recogniser, carried()[SOME:])


def _quietly(recogniser: Recogniser, said: Sequence[Clip]) -> None:
    for clip in said:
        samples = np.frombuffer(clip.pcm, "<i2").astype(np.float64)
        level = np.sqrt(np.mean(np.square(samples)))
        quiet = (samples * 32768 * 10 ** (QUIET_DB / 20) / level).astype("<i2").tobytes()
        packets = opus(SECOND + quiet + SECOND)
        finals = Segmented(recogniser.session()).finals(bundles(packets, base_ns=BASE))
        heard = " ".join(final.text for final in finals).split()
        assert len(heard) >= 0.7 * len(clip.text.split()), clip.text


@pytest.mark.parametrize("seconds", [0.5, 0.7, 0.85, 0.9, 1.1, 1.5])
def test_the_first_word_or_two_alone_are_a_caption_without_repetition(recogniser: Recogniser, seconds: float) -> None:
    word = carried()[0].pcm[: int(seconds * RATE) * SAMPLE]
    finals = Segmented(recogniser.session()).finals(bundles(opus(SECOND + word + SECOND), base_ns=BASE))
    assert len(finals) == 1
    assert 0.5 < (finals[0].start_ns - BASE) / 1e9 < 1.3
    assert finals[0].end_ns > finals[0].start_ns
    said_words = words(finals[0].text).split()
    assert len(said_words) <= 1 + 4 * seconds
    assert len(set(said_words)) == len(said_words)


def test_a_click_is_no_utterance(recogniser: Recogniser) -> None:
    click = np.zeros(RATE // 100)
    click[:20] = 0.8
    pcm = (click * 32767).astype("<i2").tobytes()
    assert Segmented(recogniser.session()).finals(bundles(opus(SECOND + pcm + SECOND), base_ns=BASE)) == []
