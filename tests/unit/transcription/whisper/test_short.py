"""A word that is said alone is a caption, once; what looks unlikely in so little speech is none."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from services.transcription.engines import RATE, Recogniser
from services.transcription.engines.choosing import find
from services.transcription.engines.whisper.decoder import Decoded
from services.transcription.engines.whisper.recogniser import is_nothing
from tests.bench.captions.clips import SAMPLE, carried, opus, pcm
from tests.integration.transcription.stage import bundles
from tests.support.segmented import Segmented
from tests.support.wer import words

BASE = 1_800_000_000 * 10**9
SECOND = bytes(RATE * SAMPLE)
PIECES = 12
VOICES = Path(__file__).parents[3] / "support" / "voices"


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    _, model = find("whisper", None, tmp_path_factory.mktemp("var"))
    return model.load(1)


def captions(recogniser: Recogniser, sound: bytes) -> list[str]:
    finals = Segmented(recogniser.session()).finals(bundles(opus(SECOND + sound + SECOND), base_ns=BASE))
    return [words(final.text) for final in finals]


@pytest.mark.weights
@pytest.mark.parametrize("voice", ["awb", "rms", "slt"])
@pytest.mark.parametrize("word", ["yes", "no"])
def test_a_short_word_said_alone_is_a_caption_once(recogniser: Recogniser, word: str, voice: str) -> None:
    assert captions(recogniser, pcm(VOICES / f"{word}-{voice}.flac")) == [word]


@pytest.mark.weights
@pytest.mark.parametrize("voice", ["awb", "rms", "slt"])
def test_a_short_word_said_alone_is_no_less_a_caption_when_it_is_quiet(recogniser: Recogniser, voice: str) -> None:
    samples = np.frombuffer(pcm(VOICES / f"no-{voice}.flac"), "<i2").astype(np.float64)
    quiet = samples / np.sqrt(np.mean(np.square(samples))) * 32768 * 10 ** (-40 / 20)
    assert captions(recogniser, quiet.astype("<i2").tobytes()) == ["no"]


@pytest.mark.weights
def test_most_pieces_of_words_are_no_captions(recogniser: Recogniser) -> None:
    chance = random.Random(3)
    pieces = []
    for clip in carried()[:PIECES]:
        length = int(chance.uniform(0.25, 0.4) * RATE)
        start = int(chance.uniform(0.3, clip.seconds - 0.8) * RATE)
        pieces.append(clip.pcm[start * SAMPLE : (start + length) * SAMPLE])
    assert sum(len(captions(recogniser, piece)) for piece in pieces) <= PIECES // 2


@pytest.mark.parametrize(
    ("text", "score", "no_speech", "seconds", "nothing"),
    [
        ("the roof.", -2.0, 0.3, 0.7, True),  # 0.2 s of "condition"
        ("Let's do this.", -1.5, 0.43, 0.8, True),
        ("Thumbs.", -1.63, 0.22, 0.8, True),  # 0.3 s of "some"
        ("Hello.", -1.23, 0.23, 0.9, False),
        ("Sure.", -1.55, 0.09, 0.9, False),
        ("A few words", -2.0, 0.3, 1.2, False),
    ],
)
def test_unlikely_words_in_half_a_second_of_speech_are_none(
    text: str, score: float, no_speech: float, seconds: float, nothing: bool
) -> None:
    assert is_nothing(Decoded([], text, score, no_speech), seconds, "") == nothing
