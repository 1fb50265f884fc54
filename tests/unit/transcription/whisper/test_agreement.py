"""A word that is shown stays, unless only one decode had it."""

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


def first_clear(*decodes: str) -> list[str]:
    agreement = Agreement()
    return [agreement.show(text, clear=True) for text in decodes]


def test_of_a_first_decode_that_is_clear_the_first_word_is_shown() -> None:
    assert first_clear("Please rem", "Please remember that", "Please remember that every") == [
        "Please",
        "Please",
        "Please remember that",
    ]


def test_a_word_of_one_decode_alone_is_replaced_where_two_later_ones_agree_on_another() -> None:
    assert first_clear("How do you marry", "Had he married", "Had he married him more", "How he married") == [
        "How",
        "How",
        "Had he married",
        "Had he married",
    ]


def test_a_word_of_one_decode_alone_stays_while_later_ones_do_not_agree() -> None:
    assert first_clear("The conference is", "Too", "", "Of the conference", "The conference is now")[-1] == "The"


def test_of_a_first_decode_in_doubt_nothing_is_shown() -> None:
    agreement = Agreement()
    assert agreement.show("It is you") == ""
    assert agreement.show("If you have any", clear=True) == "If"
