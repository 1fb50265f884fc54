"""A word that is shown stays."""

from __future__ import annotations

from services.transcription.engines.whisper.agreement import Agreement


def shown(*decodes: str) -> list[str]:
    agreement = Agreement()
    return [agreement.show(text) for text in decodes]


def test_words_are_shown_when_two_decodes_agree() -> None:
    assert shown("He", "He was", "He was not.", "He was not an ill") == ["", "He", "He was", "He was not"]


def test_a_shown_word_stays_though_a_later_decode_differs() -> None:
    assert shown("How he", "How he", "Had he married", "Had he married a") == ["", "How he", "How he", "How he married"]


def test_words_go_on_where_a_decode_divides_one_in_two() -> None:
    first, second = "be rather cold", "be rather cold hearted and"
    assert shown(first, first, second, f"{second} rather")[-1] == second


def test_a_decode_that_understood_nothing_takes_nothing_away() -> None:
    assert shown("Good evening", "Good evening", "", "Good evening everybody", "Good evening everybody")[-1] == (
        "Good evening everybody"
    )


def test_a_word_after_which_the_sound_broke_off_is_shown_without_the_marks_of_it() -> None:
    assert shown("to be rather...", "to be rather… cold-", "to be rather cold hearted", "to be rather cold hearted")[
        1:
    ] == [
        "to be rather",
        "to be rather cold",
        "to be rather cold hearted",
    ]


def test_the_first_word_is_shown_when_any_two_decodes_begin_with_it() -> None:
    assert shown("He might", "", "How", "He may not", "He may not be") == ["", "", "", "He", "He may not"]


def test_of_a_first_decode_that_is_clear_all_but_the_last_word_is_shown() -> None:
    agreement = Agreement()
    assert agreement.show("Please", clear=True) == ""
    assert agreement.show("Please rem", clear=True) == "Please"
    assert agreement.show("Please remember that", clear=True) == "Please"
    assert agreement.show("Please remember that every", clear=True) == "Please remember that"


def test_of_a_first_decode_in_doubt_nothing_is_shown() -> None:
    agreement = Agreement()
    assert agreement.show("It is you") == ""
    assert agreement.show("If you have any", clear=True) == "If you have"
