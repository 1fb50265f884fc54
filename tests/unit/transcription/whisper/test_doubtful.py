"""What Whisper writes when it loses its way is noticed."""

from __future__ import annotations

import pytest

from services.transcription.engines.whisper.decoder import (
    doubtful,
    once,
    recites,
    repeats,
    too_many,
    without_repetitions,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("He was not an old man. He was not an old man.", 3.0),
        ("I believe that the people here have a voice in that. I believe that the people here have a voice", 8.0),
        ("Thank you. Thank you. Thank you. Thank you. Thank you. Thank you. Thank you. Thank you.", 5.0),
        ("The next thing that we are going to do today is to talk about it", 1.0),
        ("ha" * 60, 5.0),
    ],
)
def test_loops_and_more_than_can_be_said_are_doubtful(text: str, seconds: float) -> None:
    assert doubtful(text, seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Had he married a more amiable woman, he might have been made still more respectable than he was.", 6.0),
        ("Yes.", 0.4),
        ("No, no, no, not that one, not that one!", 3.0),
        ("", 1.0),
    ],
)
def test_what_people_say_is_not(text: str, seconds: float) -> None:
    assert not doubtful(text, seconds)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("He was... He was... He was... He", "He was..."),
        ("Unless, unless, unless, unless, unl", "Unless,"),
        ("Good evening. Good evening. Good evening", "Good evening."),
        ("Tonight... Tonight", "Tonight..."),
        ("No, no, not that", "No, no, not that"),
        ("He was not an ill", "He was not an ill"),
        ("Yes", "Yes"),
        ("", ""),
    ],
)
def test_the_first_words_said_again_and_again_are_said_once(text: str, said: str) -> None:
    assert once(text) == said


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("and Mr John Dashwood and Mr John Dashwood", "and Mr John Dashwood"),
        ("he was not he was not he was not he was", "he was not"),
        ("oh no no no no no no no thanks", "oh no no no thanks"),
        ("unless to be to be rather cold", "unless to be rather cold"),
    ],
)
def test_a_phrase_that_is_repeated_at_once_is_left_once(text: str, left: str) -> None:
    words = text.split()
    assert repeats(text)
    assert " ".join(words[place] for place in without_repetitions(words)) == left


@pytest.mark.parametrize("text", ["bye bye", "no, no, no", "had he had more", "to be or not to be"])
def test_words_that_come_again_later_or_are_short_are_left_alone(text: str) -> None:
    assert not repeats(text)


@pytest.mark.parametrize(
    ("text", "recited"),
    [
        ("Story of Angus, Robert, Selma.", True),
        ("stage. Three short stories", True),
        ("Angus, Robert", False),
        ("Robert and Selma told three stories.", False),
        ("", False),
    ],
)
def test_what_follows_the_words_that_may_be_said_is_noticed(text: str, recited: bool) -> None:
    assert recites(text, "Angus, Robert, Selma. Three short stories. stories") == recited
    assert not recites(text, "")


def test_nobody_says_five_names_in_half_a_second() -> None:
    assert too_many(["mr", "jones"] * 5, 0.56)
    assert not too_many(["mr", "jones"] * 2, 0.56)
