"""The measure that tells whether captions name the right speaker."""

from __future__ import annotations

import pytest

from tests.support.attribution import cpwer

ADA, BO = "had he married a more amiable woman", "he was not an ill disposed young man"


def test_who_is_called_what_makes_no_difference() -> None:
    assert cpwer([ADA, BO], [BO, ADA]) == 0


def test_words_wrong_count_by_words_said() -> None:
    assert cpwer([ADA, BO], ["had she married a more amiable woman", BO]) == pytest.approx(1 / 15)


def test_words_with_the_wrong_speaker_count_where_they_lack_and_where_they_are() -> None:
    assert cpwer([ADA, BO], [f"{ADA} he was", "not an ill disposed young man"]) == pytest.approx(4 / 15)


def test_a_speaker_who_was_not_heard_and_one_who_was_invented_count() -> None:
    assert cpwer([ADA, BO], [BO]) == pytest.approx(7 / 15)
    assert cpwer([ADA], [ADA, "thank you"]) == pytest.approx(2 / 7)
