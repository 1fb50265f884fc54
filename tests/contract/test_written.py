"""Words that people write are tidied or refused where they are given, and read as they are where they were stored."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from contracts import catalogue
from contracts.commands import Command
from contracts.people import v1 as people
from contracts.room import v1 as room
from contracts.written import Written
from libs.ids import new_id

TITLE: TypeAdapter[str] = TypeAdapter(room.GivenTitle)
TEXT: TypeAdapter[str] = TypeAdapter(Annotated[str, Written(0, 500, lines=True)])
FAMILY = "\U0001f468‍\U0001f469‍\U0001f467"
WALES = "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f"
HEAD: dict[str, Any] = {"command_id": "k", "space_id": new_id()}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Tea", "Tea"),
        ("  Tea \n", "Tea"),
        ("\u3000お茶\u00a0", "お茶"),
        ("Cafe\u0301", "Café"),
        ("\u1112\u1161\u11ab", "\ud55c"),
        ("A\u030a", "\u00c5"),
        (f"{FAMILY} at tea", f"{FAMILY} at tea"),
        (WALES, WALES),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("❤️", "❤️"),
        ("שלום \u2067abc\u2069 עולם", "שלום \u2067abc\u2069 עולם"),
        ("\u202bשלום\u202c", "\u202bשלום\u202c"),
        ("שלום\u200f!", "שלום\u200f!"),
        ("\U0001fae8", "\U0001fae8"),  # newer than this Python's Unicode
        ("Tea\u200btime", "Tea\u200btime"),
        ("葛\U000e0100飾", "葛\U000e0100飾"),
        ("x" + "\u0301" * 30, "x" + "\u0301" * 30),
        ("x" * 70, "x" * 70),
        ("\U0001f600" * 70, "\U0001f600" * 70),
        ("e\u0301" * 70, "é" * 70),
        ("\u1112\u1161\u11ab" * 70, "\ud55c" * 70),
    ],
)
def test_a_title_is_kept_in_normal_form(given: str, kept: str) -> None:
    assert TITLE.validate_python(given) == kept
    assert TITLE.validate_json(json.dumps(given)) == kept
    assert TITLE.validate_python(kept) == kept


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("", "at least 1"),
        (" \u00a0\u3000", "at least 1"),
        ("\u200b", "can be seen"),
        ("\u200b \u200d\ufeff", "can be seen"),
        ("\u00ad", "can be seen"),
        ("\u3164\u115f", "can be seen"),
        ("\u2800", "can be seen"),
        ("\u0301", "can be seen"),
        ("\ufe0f", "can be seen"),
        ("\U000e0100", "can be seen"),
        ("\u2060\u180e", "can be seen"),
        ("\u2065", "can be seen"),  # Unicode has nothing there, and will have nothing that shows
        ("\ufff0 \ufff8", "can be seen"),
        ("\u202e", "U+202E"),
        ("Tea \u202etxt.exe", "U+202E"),
        ("\u202dTea\u202c", "U+202D"),
        ("\u202aTea", "close with U+202C"),
        ("\u2067Tea", "close with U+2069"),
        ("\u2067\u202aTea\u2069\u202c", "closes what was not opened"),
        ("Tea\u2069", "closes what was not opened"),
        ("\0Tea", "U+0000"),
        ("Te\0a", "U+0000"),
        ("\x1b[31mTea", "U+001B"),
        ("Tea\x1f", "U+001F"),
        ("T\tea", "U+0009"),
        ("Tea\x7f", "U+007F"),
        ("Te\x9ba", "U+009B"),
        ("Tea\ntime", "line breaks"),
        ("Tea\r\ntime", "line breaks"),
        ("Tea\u2028time", "line breaks"),
        ("Tea\x85time", "line breaks"),
        ("Te\u206aa", "U+206A"),
        ("Te\ufffea", "U+FFFE"),
        ("T\ufff9e\ufffaa\ufffb", "U+FFF9"),
        ("x\U000e0041", "U+E0041"),
        ("\U000e0001Tea", "U+E0001"),
        ("\U0001f3f4\U000e0067", "U+E0067"),
        (WALES + "\U000e0067", "U+E0067"),
        ("\U0001f3f4" + "\U000e0061" * 7 + "\U000e007f", "U+E0061"),
        ("x" + "\u0301" * 31, "at most 30 marks"),
        ("\U0001f600" + "\ufe01" * 31, "at most 30 marks"),
        ("x" * 71, "at most 70"),
        ("\U0001f600" * 71, "at most 70"),
        ("e" + "\u0301" * 1200, "at most 70"),
        ("x" * 60_000, "at most 70"),
    ],
)
def test_what_is_no_title_is_refused_with_the_reason(wrong: str, said: str) -> None:
    for read, sent in ((TITLE.validate_python, wrong), (TITLE.validate_json, json.dumps(wrong))):
        with pytest.raises(ValidationError) as refused:
            read(sent)
        assert said in str(refused.value)


@pytest.mark.parametrize("wrong", [5, None, True, ["Tea"], b"\xff", "Tea \ud83d"])
def test_what_is_no_text_is_refused(wrong: object) -> None:
    with pytest.raises(ValidationError):
        TITLE.validate_python(wrong)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        (" \n ", ""),
        ("one\ntwo", "one\ntwo"),
        ("one\r\n\r\ntwo\rthree", "one\n\ntwo\nthree"),
        ("one\u2028two\u2029three\x85four", "one\ntwo\nthree\nfour"),
    ],
)
def test_line_breaks_stay_where_there_are_lines(given: str, kept: str) -> None:
    assert TEXT.validate_python(given) == kept


@pytest.mark.parametrize("wrong", ["one\0two", "\u200b", "\u202eno", "\u2067one\ntwo\u2069", "one\x0btwo", "x" * 501])
def test_in_lines_the_rest_is_refused_as_anywhere(wrong: str) -> None:
    with pytest.raises(ValidationError):
        TEXT.validate_python(wrong)


@given(st.text(max_size=80))
def test_what_is_taken_stays_what_it_is(text: str) -> None:
    try:
        kept = TITLE.validate_python(text)
    except ValidationError:
        return
    assert TITLE.validate_python(kept) == kept == unicodedata.normalize("NFC", kept)
    assert 1 <= len(kept) <= 70
    assert not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in kept)


def test_commands_take_no_words_that_are_none() -> None:
    with pytest.raises(ValidationError, match="can be seen"):
        room.CreateSpace(**HEAD, settings=room.Settings(title="\u200b"))
    with pytest.raises(ValidationError, match="U\\+0000"):
        room.ChangeSettings(**HEAD, title="Te\0a")
    tidied = room.CreateSpace(**HEAD, settings=room.Settings(title="Cafe\u0301", topics=("food",)))
    assert (tidied.settings.title, tidied.settings.topics) == ("Café", ("food",))
    words = room.ChangeWords(**HEAD, words=("Cafe\u0301", "e\u0301" * 40))
    assert words.words == ("Café", "é" * 40)
    for word in ("\u200b", "Te\0a", "\u2067Tea", "\u3164", "x" * 41):
        with pytest.raises(ValidationError, match="words"):
            room.ChangeWords(**HEAD, words=(word,))
        with pytest.raises(ValidationError, match="words"):
            room.CreateSpace(**HEAD, settings=room.Settings(title="Tea"), words=(word,))
    with pytest.raises(ValidationError, match="U\\+202E"):
        people.SignUp(command_id="k", person_id=new_id(), handle="ada", display_name="\u202eAda")


@pytest.mark.parametrize(
    ("url", "hidden"),
    [
        ("https://example.org/\u202egpj.exe", "U+202E"),
        ("https://exa\u200bmple.org", "U+200B"),
        ("https://example.org/\0", "U+0000"),
        ("https://example.org/\u3164", "U+3164"),
        ("https://example.org/?q=\U000e0041", "U+E0041"),
        ("https://\u2067x", "U+2067"),
        ("https://x\xad.example", "U+00AD"),
        ("https://exa\u034fmple.org", "U+034F"),
        ("https://example.org\ufe00", "U+FE00"),
        ("https://example.org/\U000e0100", "U+E0100"),
        ("https://example.org/\u17b4", "U+17B4"),
        ("https://example.org/\u2065", "U+2065"),
    ],
)
def test_a_link_hides_nothing(url: str, hidden: str) -> None:
    with pytest.raises(ValidationError, match=f"leave out {re.escape(hidden)}"):
        room.PinLink(**HEAD, pin_id=new_id(), url=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/Cafe\u0301",
        "https://müller.example/чай?q=茶",
        "http://[::1]:8080/",
        "https://example.org/❤️",
    ],
)
def test_a_link_stays_as_it_is(url: str) -> None:
    assert room.PinLink(**HEAD, pin_id=new_id(), url=url).url == url


def test_what_was_stored_or_published_is_read_as_it_is() -> None:
    event = {
        "space_id": new_id(), "version": 1, "at": "2026-12-01T00:00:00Z", "settings": {"title": "Te\0a \u202e"},
        "host": {"id": new_id(), "handle": "ada", "name": "\u200b"},
    }  # fmt: skip
    read = room.Created.model_validate_json(json.dumps(event))
    assert (read.settings.title, read.host.name) == ("Te\0a \u202e", "\u200b")
    words = room.WordsChanged(space_id=new_id(), version=2, at=read.at, words=("Te\0a",))
    assert words.words == ("Te\0a",)
    pin = {"id": new_id(), "url": "https://\u202e", "person": read.host, "pinned_at": read.at}
    assert room.Pin.model_validate(pin).url == "https://\u202e"


def test_every_text_of_some_length_in_a_command_is_written_by_somebody() -> None:
    """What is neither a name of something (a pattern) nor one of these, for programs, is words and judged as such."""
    others = {
        "Connect.offer", "Connect.client_address", "Trickle.etag", "Trickle.fragment", "Restart.fragment",
        "SignUp.invitation", "OfferTip.provider", "FillJar.names", "SignIn.issuer", "SignIn.subject_name",
        "SignIn.handle", "UpsertPeople.issuer", "ChangeRelations.issuer",
    }  # fmt: skip
    loose = []
    for cls in catalogue.request_types().values():
        if not issubclass(cls, Command):
            continue
        for name, schema in cls.model_json_schema()["properties"].items():
            nested = (schema.get("items"), schema.get("additionalProperties"))
            for one in (schema, *schema.get("anyOf", ()), *(one for one in nested if isinstance(one, dict))):
                if one.get("type") != "string" or one.keys() & {"pattern", "format", "enum", "const"}:
                    continue
                field = cls.model_fields[name]
                if "Written" not in repr(field) and f"{cls.__name__}.{name}" not in others:
                    loose.append(f"{cls.__name__}.{name}")
    assert loose == []
