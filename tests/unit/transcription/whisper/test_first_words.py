"""How much of an utterance must be heard before words are shown."""

from __future__ import annotations

import pytest

from contracts.capture import decode
from services.transcription.engines import NO_HINTS, Hints, Recogniser
from services.transcription.engines.choosing import find
from services.transcription.engines.whisper.decoder import Decoded
from services.transcription.engines.whisper.recogniser import is_clear, may_be_a_tone
from tests.integration.transcription.stage import bundles, carried
from tests.support.segmented import Segmented
from tests.support.wer import words

BASE = 1_800_000_000 * 10**9
SOON_S = 0.9
"""Of sound, from the first word's beginning, whatever the machine's speed: a word, and once more a bundle or two."""

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    _, model = find("whisper", None, tmp_path_factory.mktemp("var"))
    return model.load(1)


@pytest.mark.parametrize("hints", [NO_HINTS, Hints("en", "Speaker 1, Speaker 2, Speaker 3. Captions")])
@pytest.mark.parametrize(("voice", "number"), [("awb", 0), ("rms", 1), ("slt", 2), ("slt", 6)])
def test_the_first_words_are_shown_as_soon_as_they_can_be_told(
    recogniser: Recogniser, voice: str, number: int, hints: Hints
) -> None:
    sentence = carried()[voice].sentences[number]
    begins = max(0, int(float(sentence["start_s"]) * 50) - 15)
    said = float(sentence["start_s"]) - begins / 50
    segmenter = Segmented(recogniser.session(), hints=hints)
    for index, body in enumerate(bundles(carried()[voice].packets[begins : begins + 100], base_ns=BASE), 1):
        if (partial := segmenter.feed(index, decode(body)).partial) is not None:
            break
    else:
        pytest.fail("nothing is shown")
    assert index / 10 - said <= SOON_S
    assert words(str(sentence["text"])).startswith(words(partial.text).split()[0])


@pytest.mark.parametrize(
    ("text", "score", "no_speech", "tone"),
    [
        ("That it...", -1.21, 0.63, False),  # a woman's "That agent"
        ("He", -1.52, 0.68, False),
        ("I'm", -2.85, 0.72, True),  # a tone that swells
        ("I don't know.", -1.63, 0.9, True),  # hum
        ("I'm so I'm so I'm so I'm so", -1.39, 0.57, True),
        ("He was not... He", -0.53, 0.14, False),
    ],
)
def test_first_words_of_people_are_told_from_those_of_tones(
    text: str, score: float, no_speech: float, tone: bool
) -> None:
    assert may_be_a_tone(Decoded([], text, score, no_speech), "") == tone


@pytest.mark.parametrize(
    ("text", "score", "no_speech", "seconds", "clear"),
    [
        ("he was not.", -0.41, 0.24, 0.7, True),
        ("I'll ask you", -1.23, 0.23, 0.7, False),  # "Unless to be"
        ("am listed, am", -1.4, 0.27, 0.7, False),  # "And Mr. John"
        ("Unless to be...", -0.7, 0.28, 0.8, True),
        ("Unless", -0.85, 0.05, 0.6, False),
    ],
)
def test_the_sooner_words_are_shown_the_surer_they_must_be(
    text: str, score: float, no_speech: float, seconds: float, clear: bool
) -> None:
    assert is_clear(Decoded([], text, score, no_speech), seconds) == clear
