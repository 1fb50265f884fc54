"""What is in whose live bar, given these events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.room import v1 as room
from services.discovery.projection.directory import SpaceDirectory
from tests.support.events import Stream, at, created, ended, person, space, stage_joined, stage_left, started

ANN, BOB, EVE, KIM = person("ann"), person("bob"), person("eve"), person("kim")
TEA, PUB = space("tea"), space("pub")


def follows(who: str, whom: str) -> people.Followed:
    return people.Followed(person_id=who, version=2, at=at(0), followee_id=whom)


def blocks(who: str, whom: str) -> people.Blocked:
    return people.Blocked(person_id=who, version=2, at=at(0), blocked_id=whom)


@pytest.fixture
async def spaces(tmp_path: Path) -> AsyncIterator[SpaceDirectory]:
    async with SpaceDirectory(tmp_path / "read.db") as model:
        yield model


def titles(spaces: SpaceDirectory, who: str) -> list[str]:
    return [card.title for card in spaces.live_bar(who, 50)]


async def test_a_live_space_of_somebody_one_follows(spaces: SpaceDirectory) -> None:
    spaces.take(Stream().receive(follows(EVE.id, ANN.id), created(TEA, ANN), started(TEA, ANN)), "e")
    (card,) = spaces.live_bar(EVE.id, 50)
    assert (card.title, card.host, card.speakers, card.because) == ("Tea", ANN, (ANN,), (ANN,))
    assert spaces.live_bar(KIM.id, 50) == ()


async def test_a_space_in_which_somebody_one_follows_speaks(spaces: SpaceDirectory) -> None:
    stream = Stream()
    spaces.take(stream.receive(follows(EVE.id, BOB.id), created(TEA, ANN), started(TEA, ANN)), "e")
    assert titles(spaces, EVE.id) == []
    spaces.take(stream.receive(stage_joined(TEA, BOB, version=3)), "e")
    (card,) = spaces.live_bar(EVE.id, 50)
    assert card.because == (BOB,)
    spaces.take(stream.receive(stage_left(TEA, BOB, version=4)), "e")
    assert titles(spaces, EVE.id) == []


async def test_ones_own_space_is_there(spaces: SpaceDirectory) -> None:
    spaces.take(Stream().receive(created(TEA, ANN), started(TEA, ANN, who_can_join="invited")), "e")
    assert titles(spaces, ANN.id) == ["Tea"]


async def test_newest_first(spaces: SpaceDirectory) -> None:
    spaces.take(
        Stream().receive(
            follows(EVE.id, ANN.id), follows(EVE.id, BOB.id), created(TEA, ANN), created(PUB, BOB, title="Pub"),
            started(PUB, BOB, title="Pub", seconds=1), started(TEA, ANN, seconds=2),
        ),
        "e",
    )  # fmt: skip
    assert titles(spaces, EVE.id) == ["Tea", "Pub"]


@pytest.mark.parametrize(
    "events",
    [
        [ended(TEA, version=3)],
        [people.Unfollowed(person_id=EVE.id, version=3, at=at(1), followee_id=ANN.id)],
        [room.Removed(space_id=TEA, version=3, at=at(1), person_id=EVE.id)],
        [blocks(ANN.id, EVE.id)],
        [blocks(EVE.id, ANN.id)],
    ],
    ids=["it ended", "no longer followed", "removed from it", "blocked by the host", "blocks the host"],
)
async def test_gone(spaces: SpaceDirectory, events: list[room.SpaceEvent | people.PersonEvent]) -> None:
    stream = Stream()
    spaces.take(stream.receive(follows(EVE.id, ANN.id), created(TEA, ANN), started(TEA, ANN)), "e")
    assert titles(spaces, EVE.id) == ["Tea"]
    spaces.take(stream.receive(*events), "e")
    assert titles(spaces, EVE.id) == []


@pytest.mark.parametrize(
    ("who_can_join", "follows_host", "shown"),
    [("everyone", False, True), ("followers", True, True), ("followers", False, False), ("invited", True, False)],
)
async def test_only_a_space_one_may_join(
    spaces: SpaceDirectory, who_can_join: str, follows_host: bool, shown: bool
) -> None:
    events = [
        follows(EVE.id, BOB.id),
        created(TEA, ANN, who_can_join=who_can_join),
        started(TEA, ANN, who_can_join=who_can_join),
        stage_joined(TEA, BOB, version=3),
    ]
    if follows_host:
        events.append(follows(EVE.id, ANN.id))
    spaces.take(Stream().receive(*events), "e")
    assert titles(spaces, EVE.id) == (["Tea"] if shown else [])


async def test_listeners_are_those_counted_last(spaces: SpaceDirectory) -> None:
    counts = [presence.Counted(space_id=TEA, at=at(n), listeners=n, on_stage=1) for n in (1, 7, 4)]
    spaces.take(Stream().receive(created(TEA, ANN), started(TEA, ANN), *counts), "e")
    (card,) = spaces.cards([TEA])
    assert card.listeners == 4


async def test_an_event_that_comes_again_changes_nothing(spaces: SpaceDirectory) -> None:
    batch = Stream().receive(follows(EVE.id, ANN.id), created(TEA, ANN), started(TEA, ANN), ended(TEA, version=3))
    spaces.take(batch, "e")
    before = list(spaces.db.iterdump())
    spaces.take(batch, "e")
    spaces.take(batch[:2], "e")
    assert list(spaces.db.iterdump()) == before


async def test_it_continues_after_a_restart_where_it_was(tmp_path: Path) -> None:
    batch = Stream().receive(follows(EVE.id, ANN.id), created(TEA, ANN), started(TEA, ANN))
    async with SpaceDirectory(tmp_path / "read.db") as model:
        model.take(batch[:2], "e")
    async with SpaceDirectory(tmp_path / "read.db") as model:
        assert (model.epoch, model.sequence) == ("e", 2)
        model.take(batch, "e")
        assert titles(model, EVE.id) == ["Tea"]


@pytest.mark.parametrize("damage", [b"", b"not a database, but long enough to be looked at" * 100])
async def test_a_file_that_cannot_be_read_is_filled_anew(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "read.db").write_bytes(damage)
    async with SpaceDirectory(tmp_path / "read.db") as model:
        assert (model.epoch, model.sequence) == (None, 0)
        assert model.live_bar(EVE.id, 50) == ()


async def test_another_schema_is_filled_anew(tmp_path: Path) -> None:
    class Grown(SpaceDirectory):
        schema = SpaceDirectory.schema + "; CREATE TABLE more (x INTEGER)"

    async with SpaceDirectory(tmp_path / "read.db") as model:
        model.take(Stream().receive(created(TEA, ANN), started(TEA, ANN)), "e")
    async with Grown(tmp_path / "read.db") as model:
        assert model.sequence == 0
        assert model.cards([TEA]) == ()
