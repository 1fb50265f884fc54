"""The hosts' word list, and what people on stage speak."""

from __future__ import annotations

import msgspec
import pytest

from libs.eventstore import Fact, Meta
from services.room.domain.facts import (
    Ended,
    HostChanged,
    LanguageChosen,
    SettingsChanged,
    StageJoined,
    StageLeft,
    WordsChanged,
)
from services.room.domain.values import Person
from tests.unit.room.given import (
    ANN,
    ANN_ASKS,
    ANN_SPEAKS,
    BOB,
    COHOST,
    HOST,
    LIMITS,
    LIVE,
    NOW,
    SCHEDULED,
    SETTINGS,
    WITH_COHOST,
    Given,
    space_after,
)

WORDS = ("Dashwood", "Ní Bhriain", "HNSW")
WITH_WORDS = WordsChanged(words=WORDS)
GERMAN = LanguageChosen(person_id=ANN.id, lang="de")


# ---- words ------------------------------------------------------------------------------------------------------


def test_a_space_has_its_words_from_the_start() -> None:
    made = Given().when(lambda s: s.create(HOST, SETTINGS, scheduled_start=None, now=NOW, limits=LIMITS, words=WORDS))
    made.then(LIVE[0], WITH_WORDS, LIVE[1])
    assert space_after(LIVE[0], WITH_WORDS, LIVE[1]).words == WORDS


@pytest.mark.parametrize("by", [HOST, COHOST])
def test_host_and_cohosts_change_the_words_while_it_is_live(by: Person) -> None:
    Given(*WITH_COHOST).when(lambda s: s.change_words(by.id, WORDS)).then(WITH_WORDS)
    Given(*WITH_COHOST, WITH_WORDS).when(lambda s: s.change_words(by.id, WORDS)).then()
    Given(*WITH_COHOST, WITH_WORDS).when(lambda s: s.change_words(by.id, ())).then(WordsChanged(words=()))


def test_the_words_are_the_hosts_alone_to_change_until_it_is_over() -> None:
    Given(*SCHEDULED).when(lambda s: s.change_words(HOST.id, WORDS)).then(WITH_WORDS)
    Given(*LIVE, ANN_SPEAKS).when(lambda s: s.change_words(ANN.id, WORDS)).refused("not_host")
    Given(*LIVE, Ended()).when(lambda s: s.change_words(HOST.id, WORDS)).refused("wrong_state")


def test_words_are_composed_and_stand_once_each() -> None:
    given = ("Sio\u0301bhan", "  Ní \u00a0 Bhriain ", "ní bhriain", "Siόbhan")
    Given(*LIVE).when(lambda s: s.change_words(HOST.id, given[:3])).then(WordsChanged(words=("Sióbhan", "Ní Bhriain")))
    Given(*LIVE).when(lambda s: s.change_words(HOST.id, given)).refused("invalid")


@pytest.mark.parametrize(
    "word",
    [
        "Dash\nwood\u0000", "Dash\u0007wood", "Dash\nwood", "Dash\u2028wood",
        "Dash\u200bwood", "Dash\u202ewood", "Dash\u200dwood", "\ue000wood",
        "D\u0430shwood", "Dashw\u03bfod", "Ｄａｓｈｗｏｏｄ", "𝐃𝐚𝐬𝐡𝐰𝐨𝐨𝐝", "D\u0430\u0301shwood", "\ufb01ne",
        "", "   ", "--", "<|>", "\u0915\u093c" * 10 + "\u0958" * 20,
    ],
)  # fmt: skip
def test_a_word_that_is_not_what_it_looks_like_is_refused(word: str) -> None:
    Given(*LIVE).when(lambda s: s.change_words(HOST.id, ("Dashwood", word))).refused("invalid")
    Given().when(
        lambda s: s.create(HOST, SETTINGS, scheduled_start=None, now=NOW, limits=LIMITS, words=(word,))
    ).refused("invalid")


@pytest.mark.parametrize(
    "word", ["Ostrovskaya Островская", "λ-calculus", "Łódź", "東京", "می\u200cخواهم", "C++", "O'Brien", "3M", "A" * 40]
)
def test_a_word_of_any_script_is_taken_as_it_is(word: str) -> None:
    Given(*LIVE).when(lambda s: s.change_words(HOST.id, (word,))).then(WordsChanged(words=(word,)))


# ---- languages --------------------------------------------------------------------------------------------------


def test_somebody_on_stage_says_what_they_speak() -> None:
    on_stage = (*LIVE, ANN_SPEAKS)
    Given(*on_stage).when(lambda s: s.choose_language(ANN.id, "de")).then(GERMAN)
    Given(*on_stage, GERMAN).when(lambda s: s.choose_language(ANN.id, "de")).then()
    Given(*on_stage, GERMAN).when(lambda s: s.choose_language(ANN.id, None)).then(LanguageChosen(person_id=ANN.id))
    for wish in ("auto", "und"):
        found_out = LanguageChosen(person_id=ANN.id, lang="und")
        Given(*on_stage).when(lambda s, wish=wish: s.choose_language(ANN.id, wish)).then(found_out)  # type: ignore[misc]
    assert space_after(*on_stage, GERMAN).stage[ANN.id].lang == "de"


@pytest.mark.parametrize(
    "tag", ["en", "de-AT", "zh-Hant-TW", "sr-Latn", "es-419", "zh-yue", "sl-rozaj-biske", "yue", "und", "en-x-pirate",
            "de-CH-1996", "en-u-ca-buddhist", "gsw", "pt-br"],
)  # fmt: skip
def test_a_tag_of_a_language_is_taken(tag: str) -> None:
    on_stage = (*LIVE, ANN_SPEAKS)
    Given(*on_stage).when(lambda s: s.choose_language(ANN.id, tag)).then(LanguageChosen(person_id=ANN.id, lang=tag))
    changed = SettingsChanged(settings=msgspec.structs.replace(SETTINGS, lang=tag))
    Given(*SCHEDULED).when(lambda s: s.change_settings(HOST.id, LIMITS, lang=tag)).then(*[changed][: tag != "en"])


@pytest.mark.parametrize(
    "tag", ["xx", "qq", "eng", "ger", "en-UK", "en-abc", "de-AT-AT", "de-1996-1996", "en-u-ca-u-nu", "en-a",
            "en-Latn-Cyrl", "en-0", "en-x", "de--AT", "en-"],
)  # fmt: skip
def test_what_is_no_tag_of_a_language_is_refused(tag: str) -> None:
    chosen = msgspec.structs.replace(SETTINGS, lang=tag)
    Given().when(lambda s: s.create(HOST, chosen, scheduled_start=None, now=NOW, limits=LIMITS)).refused("invalid")
    Given(*LIVE).when(lambda s: s.change_settings(HOST.id, LIMITS, lang=tag)).refused("invalid")
    Given(*LIVE, ANN_SPEAKS).when(lambda s: s.choose_language(ANN.id, tag)).refused("invalid")


def test_the_tag_of_a_spaces_language_has_a_limit() -> None:
    longest = "en-" + "-".join(["abcdefg", "bcdefgh", "cdefghi", "defghij"])
    assert len(longest) <= 35
    Given(*LIVE).when(lambda s: s.change_settings(HOST.id, LIMITS, lang=longest + "-abcd")).refused("invalid")
    changed = msgspec.structs.replace(SETTINGS, lang=longest)
    Given(*LIVE).when(lambda s: s.change_settings(HOST.id, LIMITS, lang=longest)).then(
        SettingsChanged(settings=changed)
    )
    too_long = msgspec.structs.replace(SETTINGS, lang=longest + "-abcd")
    Given().when(lambda s: s.create(HOST, too_long, scheduled_start=None, now=NOW, limits=LIMITS)).refused("invalid")


def test_who_is_not_on_stage_chooses_no_language() -> None:
    Given(*LIVE).when(lambda s: s.choose_language(ANN.id, "de")).refused("not_on_stage")
    Given(*SCHEDULED).when(lambda s: s.choose_language(HOST.id, "de")).refused("not_live")


@pytest.mark.parametrize("left", [StageLeft(person_id=ANN.id), StageLeft(person_id=ANN.id, reason="lost")])
def test_who_comes_back_on_stage_still_speaks_their_language(left: Fact) -> None:
    back = StageJoined(person=ANN, lang="de")
    Given(*LIVE, ANN_SPEAKS, GERMAN, left, ANN_ASKS).when(
        lambda s: s.accept_request(HOST.id, ANN.id, limits=LIMITS)
    ).then(back)
    assert space_after(*LIVE, ANN_SPEAKS, GERMAN, left, ANN_ASKS, back).stage[ANN.id].lang == "de"
    taken_back = LanguageChosen(person_id=ANN.id)
    Given(*LIVE, ANN_SPEAKS, GERMAN, taken_back, left, ANN_ASKS).when(
        lambda s: s.accept_request(HOST.id, ANN.id, limits=LIMITS)
    ).then(ANN_SPEAKS)


def test_a_language_outlives_another_role() -> None:
    chosen = LanguageChosen(person_id=COHOST.id, lang="fr")
    handed = HostChanged(host=COHOST, previous_id=HOST.id, reason="handed_over")
    assert space_after(*WITH_COHOST, chosen, handed).stage[COHOST.id].lang == "fr"


def test_invited_people_bring_their_language_too() -> None:
    chosen = LanguageChosen(person_id=BOB.id, lang="fr")
    space = space_after(*LIVE, StageJoined(person=BOB), chosen, StageLeft(person_id=BOB.id))
    (invited,) = space.invite(HOST.id, BOB, "speak", now=NOW, limits=LIMITS)
    space.apply(invited, Meta(at=NOW))
    assert space.accept_invitation(BOB.id, consent_to_recording=True, now=NOW, limits=LIMITS) == [
        StageJoined(person=BOB, because="invited", lang="fr")
    ]
