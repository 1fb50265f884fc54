"""Given these facts, when this order, then these facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from libs.eventstore import Fact, Meta
from libs.keyring import Words
from libs.names import Named
from libs.refusal import Refusal
from services.room.domain.facts import Created, SpeakRequested, StageJoined, Started
from services.room.domain.limits import Limits
from services.room.domain.space import Space
from services.room.domain.values import Person, Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits()
HOST, COHOST, ANN, BOB = (Person(name) for name in ("host", "cohost", "ann", "bob"))
SETTINGS = Settings(title="On bees")

SCHEDULED: tuple[Fact, ...] = (Created(host=HOST, settings=SETTINGS, scheduled_start=NOW + timedelta(hours=1)),)
LIVE: tuple[Fact, ...] = (Created(host=HOST, settings=SETTINGS), Started(host=HOST, settings=SETTINGS))
WITH_COHOST: tuple[Fact, ...] = (*LIVE, StageJoined(person=COHOST, role="cohost"))
ANN_ASKS = SpeakRequested(person=ANN, message="please", here=True)
ANN_SPEAKS = StageJoined(person=ANN)


def called(person_id: str) -> Named:
    """What everybody is called in these tests."""
    return Named(person_id, f"h_{person_id[-10:]}", person_id.title())


def plainly(space_id: str, by: str, words: Words) -> str:
    """What people wrote in these tests, where nothing is sealed."""
    assert isinstance(words, str)
    return words


def crowd(number: int) -> list[Fact]:
    """So many speakers."""
    return [StageJoined(person=Person(f"p{i}")) for i in range(number)]


def space_after(*facts: Fact) -> Space:
    """A Space to which this happened, a second after each other."""
    space = Space("s")
    for number, fact in enumerate(facts):
        space.version += 1
        space.apply(fact, Meta(at=NOW + timedelta(seconds=number)))
    return space


class Given:
    """A Space to which `facts` happened."""

    def __init__(self, *facts: Fact) -> None:
        self.space = space_after(*facts)

    def when(self, order: Callable[[Space], Sequence[Fact]]) -> Then:
        return Then(lambda: list(order(self.space)))


class Then:
    """What comes of an order."""

    def __init__(self, decide: Callable[[], list[Fact]]) -> None:
        self._decide = decide

    def then(self, *facts: Fact) -> None:
        assert self._decide() == list(facts)

    def refused(self, reason: str) -> None:
        with pytest.raises(Refusal) as no:
            self._decide()
        assert no.value.reason == reason
        assert no.value.detail.endswith(".")
