"""Words that people wrote, in facts: whose they are, and what they are erased by.

All words of one fact are one person's, and are erased together: by their unit, under the keys of that person and the
Space. The units are `title` and `words`, the word list, each of who wrote the present one; `pin/<its id>`;
`request/<version>` for the message of a request to speak; and `removal/<version>` for why somebody was removed, which
is the host's who wrote it. The version is that of the fact.
"""

from __future__ import annotations

from typing import Any, Final, cast

from msgspec import json
from msgspec.structs import replace

from libs.eventstore import Fact
from libs.keyring import Sealed
from libs.keyring.worded import Put, WordsOf, WordsPlace
from services.room.domain.facts import (
    Created,
    Pinned,
    Removed,
    SettingsChanged,
    SpeakRequested,
    Started,
    WordsChanged,
)

TITLE: Final = "title"
WORD_LIST: Final = "words"
_encode: Final = json.Encoder().encode
_decode: Final = json.Decoder(tuple[str, ...]).decode


def listed(words: tuple[str, ...]) -> str:
    """A word list as one text, to be sealed."""
    return _encode(words).decode()


def words_of(text: str) -> tuple[str, ...]:
    """The word list that a text is."""
    return _decode(text)


def pin_unit(pin_id: str) -> str:
    """The unit of a pin: its address and its text."""
    return f"pin/{pin_id}"


def request_unit(version: int) -> str:
    """The unit of a request to speak: its message."""
    return f"request/{version}"


def place_of(fact: Fact, version: int, actor: str | None) -> WordsPlace | None:
    """Who wrote the words of a fact of that version, and their unit; None where it has none."""
    match fact:
        case Created() | Started():
            return WordsPlace(fact.settings.title_by or fact.host.id, TITLE)
        case SettingsChanged() if by := fact.settings.title_by or actor:
            return WordsPlace(by, TITLE)
        case WordsChanged() if fact.words and actor is not None:
            return WordsPlace(actor, WORD_LIST)
        case Pinned():
            return WordsPlace(fact.person.id, pin_unit(fact.pin_id))
        case SpeakRequested() if fact.message:
            return WordsPlace(fact.person.id, request_unit(version))
        case Removed() if fact.explanation and actor is not None:
            return WordsPlace(actor, f"removal/{version}")
        case _:
            return None


def with_words(fact: Fact, by: str, put: Put) -> Fact:
    """The same fact with other words of the same person."""
    match fact:
        case Created() | Started() | SettingsChanged():
            settings = fact.settings
            return _replaced(fact, settings=replace(settings, title=put(settings.title), title_by=by))
        case WordsChanged(words=tuple(words)):
            return _replaced(fact, words=put(listed(words)))
        case WordsChanged(words=Sealed() as words):
            return _replaced(fact, words=put(words))
        case Pinned():
            return _replaced(fact, url=put(fact.url), text=put(fact.text))
        case SpeakRequested():
            return _replaced(fact, message=put(fact.message))
        case Removed():
            return _replaced(fact, explanation=put(fact.explanation))
        case _:
            return fact


def _replaced(fact: Fact, **changes: object) -> Fact:
    return cast(Fact, replace(cast(Any, fact), **changes))


WORDED: Final[frozenset[type[Fact]]] = frozenset(
    {Created, Started, SettingsChanged, WordsChanged, Pinned, SpeakRequested, Removed}
)
WORDS: Final = WordsOf("space", WORDED, place_of, with_words)
