"""What a vault must know of the facts and the aggregates whose words it seals, and what it tells of words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import NamedTuple, Protocol

from libs.eventstore import Fact
from libs.keyring.names import lock_name
from libs.keyring.sealing import Words

Put = Callable[[Words], Words]
"""Gives what is to stand in the place of words."""
PutAt = Callable[[str, str, Words], Words]
"""The same, given lock and unit."""


class WordsPlace(NamedTuple):
    """Where the words of a fact belong."""

    by: str
    """Who wrote them: a person's id."""
    unit: str


class Worded(Protocol):
    """An aggregate with words in it."""

    id: str
    worded: int
    """Version of the newest fact with words that it shows."""

    def written(self) -> Iterator[tuple[str, Words]]:
        """All words that it shows, each with who wrote them."""


class WordsOf(NamedTuple):
    """The words of one kind of aggregate."""

    kind: str
    """Of subject that the aggregate is, under whose key and the writer's they are sealed: `space`, say."""
    worded: frozenset[type[Fact]]
    """Facts with words in them."""
    place_of: Callable[[Fact, int, str | None], WordsPlace | None]
    """Where the words of such a fact belong, all of them, given its version and who caused it."""
    with_words: Callable[[Fact, str, Put], Fact]
    """The same fact with other words, given who wrote them."""


def lock_of(words: WordsOf, by: str, id: str) -> str:
    """The lock of what a person wrote in an aggregate."""
    return lock_name(f"person:{by}", f"{words.kind}:{id}")


def in_place(words: WordsOf, id: str, fact: Fact, version: int, actor: str | None, put: PutAt) -> Fact:
    """A fact of that version of an aggregate, which `actor` caused, with what `put` gives in the place of words."""
    if type(fact) not in words.worded or (place := words.place_of(fact, version, actor)) is None:
        return fact
    name = lock_of(words, place.by, id)
    return words.with_words(fact, place.by, lambda text: put(name, place.unit, text))


class Lack(Enum):
    """Why words are not shown."""

    ERASED = "erased"
    """Nobody can read them ever again."""
    AWAY = "away"
    """Their key cannot be had at the moment."""


Text = str | Lack


class Shown(Protocol):
    """What the words of one aggregate say, and what was made of them."""

    parts: dict[object, object]
    """By whatever it depends on; it is kept with the words, and goes with them."""

    def read(self, by: str, words: Words, /) -> Text:
        """What somebody wrote."""


class UnopenedWords:
    """Words that nobody opens: only plain ones of earlier versions are shown."""

    def __init__(self) -> None:
        self.parts: dict[object, object] = {}

    def read(self, by: str, words: Words, /) -> Text:
        return words if isinstance(words, str) else Lack.AWAY
