"""A sentence that is cut off, as by a mute, is captioned as far as it was said."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from contracts.capture import decode
from services.transcription.engines import Hints, Recogniser
from services.transcription.engines.choosing import find
from services.transcription.engines.whisper import recogniser as recogniser_
from services.transcription.engines.whisper.decoder import broken_off, plain_words
from services.transcription.engines.whisper.recogniser import attempts_at
from tests.integration.transcription.stage import bundles, carried
from tests.support.segmented import Segmented
from tests.support.wer import words

BASE = 1_800_000_000 * 10**9
PACKETS_PER_S = 50
FROM = int(20.9 * PACKETS_PER_S)
"""In the sentence before the one that is cut: as it ends, the next one begins without a silence before it."""
CUTS = [int(at * PACKETS_PER_S) for at in (25.24, 25.28, 25.32, 25.36, 25.44)]
STAGE = Hints("en", "Angus, Robert, Selma. Three short stories. stories")
SAID = "i believe that the people who live in"


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> Recogniser:
    _, model = find("whisper", None, tmp_path_factory.mktemp("var"))
    return model.load(1)


@pytest.mark.weights
@pytest.mark.parametrize("cut", CUTS)
def test_all_words_before_a_cut_are_in_the_caption(recogniser: Recogniser, cut: int) -> None:
    packets = carried()["rms"].packets[FROM:cut]
    *_, final = Segmented(recogniser.session(), hints=STAGE).finals(bundles(packets, base_ns=BASE))
    assert words(final.text).startswith(SAID)
    assert len(final.words) == len(final.text.split())


@pytest.mark.weights
def test_a_final_result_that_breaks_off_is_decoded_once_more_whether_words_were_shown_or_not(
    recogniser: Recogniser, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So the first decode breaks off after three words.
    monkeypatch.setattr(recogniser_, "PATIENT", 1.0)
    # The bundles begin where five or six words are shown before the cut.
    for first in (FROM + 1, FROM + 4):
        bodies = [*bundles(carried()["rms"].packets[first : CUTS[0]], base_ns=BASE, last=False)]
        showing = Segmented(recogniser.session(), hints=STAGE)
        steps = [showing.feed(number, decode(body)) for number, body in enumerate(bodies, 1)]
        shown = [step.partial.text for step in steps if step.partial is not None]
        finals = [*(final for step in steps for final in step.finals), *showing.flush(len(steps)).finals]
        assert words(finals[-1].text).startswith(words(shown[-1]))
        # A machine that is busy shows nothing, and a transcript that is made again after a crash is the same.
        silent = Segmented(recogniser.session(), hints=STAGE)
        again = [*silent.finals(bodies), *silent.flush(len(bodies)).finals]
        assert [replace(final, waited_s=0.0) for final in again] == [replace(final, waited_s=0.0) for final in finals]


@pytest.mark.parametrize(
    ("said", "shown", "broken"),
    [
        ("I believe that", "I believe that the people who", True),
        ("", "I believe", True),
        ("I believe that the people", "I believe that the people who", False),
        ("Thirty two, thirty three", "32 33 34", False),
        ("Yes", "Yes it", False),
        ("I believe that the people who live", "I believe that the people who live in the", False),
        ("I believe", "", False),
    ],
)
def test_what_has_far_fewer_words_than_were_shown(said: str, shown: str, broken: bool) -> None:
    assert broken_off(plain_words(said), plain_words(shown)) == broken


def test_no_attempt_repeats_another() -> None:
    for tenths in range(1, 301):
        attempts = attempts_at(tenths / 10)
        assert len(set(attempts)) == len(attempts)
        assert all(tenths / 10 <= window_s <= 30 for window_s, _ in attempts)
        assert len(attempts) > 1 or tenths >= 280
