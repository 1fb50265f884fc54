"""Who is told of changes in their live bar, and of which."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from contracts.discovery.v1 import BarChanged, BarsChanged
from contracts.envelope import Event, PersonRef
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.room import v1 as room
from libs.bus import Unavailable
from services.discovery.app import LiveBars
from services.discovery.projection.directory import SpaceDirectory
from tests.support.events import Stream, at, created, ended, person, space, stage_joined, started
from tests.support.waiting import LIMIT, eventually

ANN, BOB, EVE, KIM = person("ann"), person("bob"), person("eve"), person("kim")
TEA = space("tea")


class Stage:
    """A read model, its watchers, and what was published; `clock` is seconds since the start."""

    def __init__(self, spaces: SpaceDirectory, *, most: int = 100) -> None:
        self.spaces = spaces
        self.stream = Stream()
        self.said: asyncio.Queue[BarChanged] = asyncio.Queue()
        self.clock = 0.0
        self.failures = 0
        self.together = 0
        self.bars = LiveBars(
            spaces,
            self._publish,
            watch_seconds=60,
            max_watchers=most,
            now=lambda: at(self.clock),
        )
        spaces.on_applied.append(self.bars.changed)

    async def _publish(self, events: Sequence[tuple[BarChanged | BarsChanged, str]]) -> None:
        if self.failures:
            self.failures -= 1
            raise Unavailable("no answer")
        for event, _ in events:
            if isinstance(event, BarChanged):
                self.said.put_nowait(event)
            else:
                self.together += 1
                for person_id in event.person_ids:
                    self.said.put_nowait(event.to(person_id))

    def happen(self, *events: Event) -> None:
        self.spaces.take(self.stream.receive(*events), "e")

    async def told(self) -> BarChanged:
        async with asyncio.timeout(LIMIT):
            return await self.said.get()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with SpaceDirectory(tmp_path / "read.db") as spaces:
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
    async with SpaceDirectory(tmp_path / "few.db") as spaces:
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


async def test_an_official_space_is_told_to_everybody(tmp_path: Path) -> None:
    async with SpaceDirectory(tmp_path / "read.db", ["ann"]) as spaces:
        stage = Stage(spaces)
        telling = asyncio.create_task(stage.bars.tell())
        for who in (EVE, KIM):
            assert stage.bars.bar(who.id, 50) == ()
        stage.happen(created(TEA, ANN), started(TEA, ANN))
        told = [await stage.told(), await stage.told()]
        assert {event.person_id for event in told} == {EVE.id, KIM.id}
        assert all(event.card is not None and event.card.official and event.card.because == () for event in told)
        stage.happen(ended(TEA, version=3))
        assert [(await stage.told()).card, (await stage.told()).card] == [None, None]
        telling.cancel()


async def test_who_sees_the_same_is_told_together(stage: Stage) -> None:
    """1,199 fans of one and a fan of another: 500, 500 and 199 together, and one alone."""
    fans = [person(f"f{number}").id for number in range(1200)]
    stage.happen(*(people.Followed(person_id=one, version=2, at=at(0), followee_id=ANN.id) for one in fans[1:]))
    stage.happen(*(people.Followed(person_id=one, version=2, at=at(0), followee_id=BOB.id) for one in fans[:1]))
    stage.bars = LiveBars(stage.spaces, stage._publish, max_watchers=2000, now=lambda: at(0))
    stage.spaces.on_applied[:] = [stage.bars.changed]
    telling = asyncio.create_task(stage.bars.tell())
    for one in fans:
        stage.bars.bar(one, 50)
    stage.happen(started(TEA, ANN), stage_joined(TEA, BOB, version=3))
    told = [await stage.told() for _ in fans]
    assert {event.person_id for event in told} == set(fans)
    assert [event.card.because for event in told if event.card and event.person_id == fans[0]] == [(BOB,)]
    assert stage.together == 3
    telling.cancel()


async def test_who_follows_is_found_from_the_smaller_side(stage: Stage) -> None:
    crowd = [person(f"f{number}").id for number in range(30)]
    stage.happen(*(people.Followed(person_id=one, version=2, at=at(0), followee_id=BOB.id) for one in crowd))
    for some in ([*crowd[:3], KIM.id], [*crowd, *(person(f"x{number}").id for number in range(30))]):
        assert stage.spaces.followers_among(BOB.id, some) == set(some) & set(crowd)


async def test_what_is_told_is_what_the_bar_would_show(tmp_path: Path) -> None:
    """Whatever happens, in any order: who only listens knows in the end what who asks again is shown."""
    chance = random.Random(11)
    crowd = [person(name) for name in ("a", "b", "c", "d", "e", "f", "g")]
    async with SpaceDirectory(tmp_path / "read.db", ["a"]) as spaces:
        stage = Stage(spaces)
        telling = asyncio.create_task(stage.bars.tell())
        known: dict[str, dict[str, BarChanged]] = {one.id: {} for one in crowd}
        for one in crowd:
            stage.bars.bar(one.id, 50)
        versions: dict[str, int] = {}
        hosts: dict[str, PersonRef] = {}
        for step in range(300):
            stage.happen(*_something(chance, crowd, versions, hosts, step))
            if step % 10:
                continue
            await asyncio.sleep(0)
            while stage.bars.busy or not stage.said.empty():
                while not stage.said.empty():
                    event = stage.said.get_nowait()
                    known[event.person_id][event.space_id] = event
                await asyncio.sleep(0)
            for one in crowd:
                shown = {(card.id, card.because, card.speakers) for card in spaces.live_bar(one.id, 50)}
                cards = (event.card for event in known[one.id].values())
                assert {(card.id, card.because, card.speakers) for card in cards if card} == shown, (step, one)
        assert sum(len(of) for of in known.values()) > 20
        telling.cancel()


def _something(
    chance: random.Random, crowd: list[PersonRef], versions: dict[str, int], hosts: dict[str, PersonRef], step: int
) -> list[Event]:
    """One or two events that may happen now."""
    one, other = chance.sample(crowd, 2)
    live = sorted(versions)
    match chance.randrange(9) if live else 0:
        case 0:
            space_id = space(f"{step}")
            versions[space_id], hosts[space_id] = 2, one
            join = chance.choice(["everyone", "everyone", "followers", "invited"])
            return [created(space_id, one, who_can_join=join), started(space_id, one, who_can_join=join)]
        case 1 | 2:
            return [people.Followed(person_id=one.id, version=2, at=at(0), followee_id=other.id)]
        case 3:
            return [people.Unfollowed(person_id=one.id, version=2, at=at(0), followee_id=other.id)]
        case 4:
            return [people.Blocked(person_id=one.id, version=2, at=at(0), blocked_id=other.id)]
        case 5:
            return [people.Unblocked(person_id=one.id, version=2, at=at(0), blocked_id=other.id)]
    space_id = chance.choice(live)
    versions[space_id] += 1
    version, host = versions[space_id], hosts[space_id]
    match chance.randrange(5):
        case 0:
            del versions[space_id]
            return [ended(space_id, version=version)]
        case 1 if one != host and chance.random() < 0.5:
            invited = room.Invited(space_id=space_id, version=version, at=at(0), person=one, to=room.InvitedTo.JOIN)
            back = room.Readmitted(space_id=space_id, version=version, at=at(0), person_id=one.id)
            return [chance.choice([invited, back])]
        case 1 if one != host:
            return [room.Removed(space_id=space_id, version=version, at=at(0), person_id=one.id)]
        case 2 if one != host:
            return [room.StageLeft(space_id=space_id, version=version, at=at(0), person_id=one.id)]
        case _:
            return [stage_joined(space_id, one, version=version)] if one != host else []
