"""Who is told of changes in their live bar, and of which."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.discovery.v1 import BarChanged
from contracts.envelope import Event
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.room import v1 as room
from libs.bus import Unavailable
from services.discovery.app import LiveBars
from services.discovery.projection import Spaces
from tests.support.events import Stream, at, created, ended, person, space, stage_joined, started
from tests.support.nats import eventually

ANN, BOB, EVE, KIM = person("ann"), person("bob"), person("eve"), person("kim")
TEA = space("tea")


class Stage:
    """A read model, its watchers, and what was published; `clock` is seconds since the start."""

    def __init__(self, spaces: Spaces, *, most: int = 100) -> None:
        self.spaces = spaces
        self.stream = Stream()
        self.said: asyncio.Queue[BarChanged] = asyncio.Queue()
        self.clock = 0.0
        self.failures = 0
        self.bars = LiveBars(
            spaces,
            self._publish,
            watch_seconds=60,
            max_watchers=most,
            now=lambda: at(self.clock),
        )
        spaces.on_applied.append(self.bars.changed)

    async def _publish(self, event: BarChanged) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("no answer")
        self.said.put_nowait(event)

    def happen(self, *events: Event) -> None:
        self.spaces.take(self.stream.receive(*events), "e")

    async def told(self) -> BarChanged:
        async with asyncio.timeout(10):
            return await self.said.get()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Spaces(tmp_path / "read.db") as spaces:
        stage = Stage(spaces)
        stage.happen(people.Followed(person_id=EVE.id, version=2, at=at(0), followee_id=ANN.id), created(TEA, ANN))
        telling = asyncio.create_task(stage.bars.tell())
        yield stage
        telling.cancel()


async def test_somebody_one_follows_goes_live_and_ends(stage: Stage) -> None:
    assert stage.bars.bar(EVE.id, 50) == ()
    stage.happen(started(TEA, ANN))
    event = await stage.told()
    assert (event.person_id, event.space_id) == (EVE.id, TEA)
    assert event.card is not None
    assert event.card.because == (ANN,)
    stage.happen(ended(TEA, version=3))
    assert (await stage.told()).card is None


async def test_what_changes_no_card_is_not_told(stage: Stage) -> None:
    stage.bars.bar(EVE.id, 50)
    stage.happen(started(TEA, ANN))
    await stage.told()
    stage.happen(
        room.Unmuted(space_id=TEA, version=3, at=at(1), person_id=ANN.id),
        presence.Counted(space_id=TEA, at=at(1), listeners=5, on_stage=1),
    )
    stage.happen(stage_joined(TEA, BOB, version=4))
    event = await stage.told()
    assert event.card is not None
    assert event.card.speakers == (ANN, BOB)
    assert event.card.listeners == 5
    assert stage.said.empty()


async def test_those_who_do_not_watch_are_not_told(stage: Stage) -> None:
    stage.happen(people.Followed(person_id=KIM.id, version=2, at=at(0), followee_id=ANN.id))
    stage.bars.bar(EVE.id, 50)
    stage.happen(started(TEA, ANN))
    assert (await stage.told()).person_id == EVE.id
    assert stage.said.empty()


async def test_following_and_unfollowing_changes_the_bar(stage: Stage) -> None:
    stage.bars.bar(KIM.id, 50)
    stage.happen(started(TEA, ANN))
    stage.happen(people.Followed(person_id=KIM.id, version=2, at=at(0), followee_id=ANN.id))
    assert (await stage.told()).card is not None
    stage.happen(people.Unfollowed(person_id=KIM.id, version=3, at=at(0), followee_id=ANN.id))
    assert (await stage.told()).card is None


async def test_a_block_takes_the_space_out_of_the_bar(stage: Stage) -> None:
    stage.happen(started(TEA, ANN))
    assert len(stage.bars.bar(EVE.id, 50)) == 1
    stage.happen(people.Blocked(person_id=ANN.id, version=2, at=at(0), blocked_id=EVE.id))
    assert (await stage.told()).card is None


async def test_what_could_not_be_told_is_told_later(stage: Stage) -> None:
    stage.bars.bar(EVE.id, 50)
    stage.failures = 1
    stage.happen(started(TEA, ANN))
    assert (await stage.told()).card is not None


async def test_one_is_told_for_as_long_as_one_watches(stage: Stage) -> None:
    stage.bars.bar(EVE.id, 50)
    stage.bars.bar(ANN.id, 50)
    stage.clock = 50
    stage.bars.bar(ANN.id, 50)
    stage.clock = 70
    stage.happen(started(TEA, ANN))
    assert (await stage.told()).person_id == ANN.id
    assert stage.said.empty()
    stage.bars.bar(KIM.id, 50)
    assert stage.bars.watchers == 2


async def test_the_number_of_watchers_is_bounded(tmp_path: Path) -> None:
    async with Spaces(tmp_path / "few.db") as spaces:
        stage = Stage(spaces, most=3)
        for name in ("a", "b", "c", "d", "e"):
            stage.bars.bar(person(name).id, 50)
        assert stage.bars.watchers == 3


async def test_after_a_restart_one_is_told_what_one_missed(stage: Stage) -> None:
    stage.bars.bar(EVE.id, 50)
    stage.happen(started(TEA, ANN))
    await stage.told()
    await eventually(lambda: any(shown for _, _, shown in stage.spaces.watchers()))
    stage.spaces.on_applied.clear()  # the service is gone
    stage.happen(ended(TEA, version=3))
    again = Stage(stage.spaces)
    telling = asyncio.create_task(again.bars.tell())
    event = await again.told()
    assert (event.person_id, event.space_id, event.card) == (EVE.id, TEA, None)
    telling.cancel()


async def test_what_another_client_of_the_same_person_was_shown_is_told_all_the_same(stage: Stage) -> None:
    stage.bars.bar(EVE.id, 50)
    stage.happen(started(TEA, ANN))
    assert len(stage.bars.bar(EVE.id, 50)) == 1
    assert (await stage.told()).card is not None
    assert stage.said.empty()
