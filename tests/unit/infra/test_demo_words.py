"""How many words a transcript has wrong."""

from __future__ import annotations

import random
from pathlib import Path

import jiwer
import pytest

from infra.demo import cast
from infra.demo.word_error import plain, word_errors


def test_case_punctuation_and_the_way_a_number_is_written_are_no_errors() -> None:
    assert word_errors("more than one hundred years ago", "More than 100 years, ago!") == (0, 6)
    assert " ".join(plain("0 7 13 20 42 100 219 350 1994 é_ü")) == (
        "zero seven thirteen twenty forty two one hundred two hundred nineteen three hundred fifty 1994 é ü"
    )


def test_wrong_missing_and_added_words_count() -> None:
    assert word_errors("we took turns at the wheel", "we look turns the big wheel") == (3, 6)
    assert word_errors("we took turns", "") == (3, 3)
    assert word_errors("", "thank you") == (2, 0)


@pytest.mark.parametrize("seed", range(50))
def test_the_count_is_that_of_jiwer(seed: int) -> None:
    dice = random.Random(seed)
    said, recognised = (" ".join(dice.choices("abcd", k=dice.randint(1, 12))) for _ in range(2))
    counted = jiwer.process_words(said, recognised)
    wrong = counted.substitutions + counted.deletions + counted.insertions
    assert word_errors(said, recognised) == (wrong, len(said.split()))


def test_of_a_sentence_that_is_muted_the_first_half_can_be_heard() -> None:
    muted = next(part for part in cast.carried() if part.silence is not None)
    assert muted.text is not None
    assert "I believe that the people who live in this part of the city" not in muted.text
    assert "I believe that the people" in muted.text


def test_a_text_beside_a_speech_file_tells_what_is_said(tmp_path: Path) -> None:
    for name in ("ada", "bo"):
        (tmp_path / f"{name}.flac").symlink_to(cast.SPEECH / "slt.flac")
    (tmp_path / "ada.txt").write_text("My sister and I")
    speakers = [f"Ada={tmp_path / 'ada.flac'}", f"Bo={tmp_path / 'bo.flac'}"]
    assert [part.text for part in cast.given(speakers, [])] == ["My sister and I", None]
    assert [part.text for part in cast.given(speakers, ["Ada"])] == [None, None]
