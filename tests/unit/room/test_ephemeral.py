"""Ephemeral Spaces: chosen before the start, and nothing of them is left but their times and counts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from contracts.room import v1
from contracts.room.follow import follow
from libs.eventstore import Fact
from libs.keyring.worded import UnopenedWords
from services.room.domain.facts import (
    Canceled,
    Created,
    Ended,
    HostChanged,
    Invited,
    LanguageChosen,
    Pinned,
    Removed,
    SettingsChanged,
    StageJoined,
    Started,
    WordsChanged,
)
from services.room.domain.space import Space
from services.room.domain.values import Person, Settings
from services.room.translation import wire_space
from tests.unit.room.given import LIMITS, NOW, Given, called, space_after

SPACE, PIN, *IDS = (f"{number:026}" for number in range(6))
HOST, ANN, BOB, CY = map(Person, IDS)
SETTINGS = Settings(title="On bees", topics=("bees",), ephemeral=True)
SCHEDULED: tuple[Fact, ...] = (Created(host=HOST, settings=SETTINGS, scheduled_start=NOW + timedelta(hours=1)),)
LIVE: tuple[Fact, ...] = (*SCHEDULED, Started(host=HOST, settings=SETTINGS))
FULL: tuple[Fact, ...] = (
    *LIVE,
    WordsChanged(words=("Melissa",)),
    StageJoined(person=ANN),
    LanguageChosen(person_id=ANN.id, lang="de"),
    Pinned(pin_id=PIN, url="https://example.org/", person=ANN, text="bees"),
    Invited(person=CY, to="join"),
    Removed(person_id=BOB.id, explanation="shouting"),
)


def after(*facts: Fact) -> Space:
    space = space_after(*facts)
    space.id = SPACE
    return space


@pytest.mark.parametrize("start", [None, NOW + timedelta(hours=1)])
def test_it_is_chosen_when_it_is_created_and_never_together_with_recorded(start: object) -> None:
    def create(settings: Settings) -> Callable[[Space], list[Fact]]:
        return lambda s: s.create(HOST, settings, scheduled_start=start, now=NOW, limits=LIMITS)  # type: ignore[arg-type]

    created = Created(host=HOST, settings=SETTINGS, scheduled_start=start)  # type: ignore[arg-type]
    Given().when(create(SETTINGS)).then(created, *[Started(host=HOST, settings=SETTINGS)][: start is None])
    Given().when(create(msgspec.structs.replace(SETTINGS, recorded=True))).refused("invalid")


def test_it_is_changed_until_the_start_and_never_to_both() -> None:
    recorded = msgspec.structs.replace(SETTINGS, recorded=True, ephemeral=False)
    changed = SettingsChanged(settings=recorded)
    Given(*SCHEDULED).when(lambda s: s.change_settings(HOST.id, LIMITS, recorded=True)).refused("invalid")
    Given(*SCHEDULED).when(lambda s: s.change_settings(HOST.id, LIMITS, recorded=True, ephemeral=False)).then(changed)
    Given(*SCHEDULED, changed).when(lambda s: s.change_settings(HOST.id, LIMITS, ephemeral=True)).refused("invalid")
    for ephemeral in (True, False):
        Given(*LIVE).when(lambda s, e=ephemeral: s.change_settings(HOST.id, LIMITS, ephemeral=e)).refused("wrong_state")  # type: ignore[misc]


OVER = [Ended(), Ended(reason="platform"), Ended(reason="timed_out"), Canceled(), Canceled(reason="never_started")]


@pytest.mark.parametrize("over", OVER, ids=lambda fact: f"{type(fact).__name__} {fact.reason}")
def test_at_its_end_nothing_is_left_but_its_host_its_times_and_how_it_ended(over: Fact) -> None:
    facts = FULL if isinstance(over, Ended) else (*SCHEDULED, *FULL[2:4])
    space = after(*facts[:-1] if isinstance(over, Canceled) else facts, over)
    left = wire_space(space, called, UnopenedWords(), all=True).model_dump(exclude_defaults=True, mode="json")
    assert left.pop("state") == space.state != "live"
    assert left.pop("host")["id"] == HOST.id
    assert left.pop("settings") == {"title": v1.TITLE_REMOVED, "ephemeral": True}
    assert left.keys() - {"started_at"} == {"id", "version", "created_at", "scheduled_start", "ended_at"}
    assert list(space.written()) == [(HOST.id, "")]
    assert (space.stood, space.removed, space.invited, space.languages) == ({}, {}, {}, {})


def test_who_follows_it_keeps_as_little() -> None:
    live = wire_space(after(*FULL), called, UnopenedWords(), all=True)
    assert live.pins
    assert live.words
    over: tuple[tuple[Fact, v1.SpaceEvent], ...] = (
        (Ended(), v1.Ended(space_id=SPACE, version=live.version + 1, at=NOW)),
        (Canceled(), v1.Canceled(space_id=SPACE, version=live.version + 1, at=NOW)),
    )
    for fact, event in over:
        left = wire_space(after(*FULL, fact), called, UnopenedWords(), all=True)
        kept = ("settings", "pins", "words", "removed", "invited")
        followed = follow(live, event)
        assert {name: getattr(followed, name) for name in kept} == {name: getattr(left, name) for name in kept}


def test_of_any_other_space_everything_stays() -> None:
    kept = [Created(host=HOST, settings=msgspec.structs.replace(SETTINGS, ephemeral=False)), *FULL[2:]]
    kept[1:1] = [Started(host=HOST, settings=msgspec.structs.replace(SETTINGS, ephemeral=False))]
    left = wire_space(after(*kept, Ended()), called, UnopenedWords(), all=True)
    assert (left.settings.title, len(left.pins), left.words) == ("On bees", 1, ("Melissa",))
    assert (left.removed, left.invited) == ((BOB.id,), (CY.id,))


def test_whoever_hosts_it_last_is_its_host() -> None:
    space = after(*FULL, HostChanged(host=ANN, previous_id=HOST.id, reason="handed_over"), Ended())
    assert wire_space(space, called, UnopenedWords()).host.id == ANN.id
