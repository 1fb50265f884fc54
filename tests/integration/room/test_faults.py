"""What an accepted command is worth: room killed, doubled, cut off from NATS."""

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest

from contracts import subjects
from contracts.room import v1
from libs.bus import Bus, Unavailable
from libs.database import Database, Place
from libs.eventstore import name_of
from libs.ids import new_id
from libs.refusal import Refusal
from services.room.main import inspect, stored_facts
from tests.integration.room.conftest import Guests, brief, unread
from tests.support.command import rostrum
from tests.support.nats import NatsServer
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually

_log = logging.getLogger(__name__)
_TOGGLES: Final = ("space.muted", "space.unmuted", "space.hand_raised", "space.hand_lowered")


@pytest.fixture
def env(env: dict[str, str], new_place: Callable[[str], Place]) -> dict[str, str]:
    """With a store in either database."""
    place = new_place("room")
    return env | ({"ROSTRUM_ROOM_STORE": place.url} if isinstance(place, Database) else {})


class Toggling:
    """Somebody who opens and closes their microphone, raises and lowers a hand, and remembers what was accepted."""

    def __init__(self, guests: Guests) -> None:
        self.guests = guests
        self.accepted: list[str] = []
        self.refused: Counter[str] = Counter()
        self.enough = False
        self._more = asyncio.Event()
        self._workers: list[asyncio.Task[None]] = []

    async def run(self, name: str) -> None:
        """Until told to stop; every command is sent until it is accepted."""
        person = self.guests.ids[name]
        turn = 0
        while not self.enough:
            kind = (v1.Unmute, v1.RaiseHand, v1.LowerHand, v1.Mute)[turn % 4]
            command = kind.model_validate(
                {"command_id": f"{name}-{turn}", "actor": person, "space_id": self.guests.space, "person_id": person}
            )
            while True:
                try:
                    await self.guests.bus.ask(command, timeout=LIMIT)
                    break
                except Refusal as no:
                    self.refused[no.reason] += 1
                    if not no.retry:
                        raise
                except Unavailable:
                    self.refused["unavailable"] += 1
            self.accepted.append(command.command_id)
            self._more.set()
            turn += 1

    def start(self, *names: str) -> None:
        self._workers = [asyncio.create_task(self.run(name)) for name in names]

    async def stop(self) -> None:
        """Once every command that was sent is answered."""
        self.enough = True
        await asyncio.wait_for(asyncio.gather(*self._workers), LIMIT)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(LIMIT):
            while len(self.accepted) < count:
                self._more.clear()
                await self._more.wait()


def stored_commands(env: dict[str, str], space: str) -> Counter[str]:
    toggles = [s for s in stored_facts(env, space) if name_of(s.fact) in _TOGGLES]
    return Counter(s.record.command_id or "" for s in toggles)


async def published_versions(bus: Bus, upto: int) -> list[int]:
    versions: list[int] = []
    async with asyncio.timeout(LIMIT):
        async for batch in bus.follow(filters=[subjects.events_of("room")]):
            versions += [r.event.version for r in batch if isinstance(r.event, v1.SpaceEvent)]
            if versions[-1] >= upto:
                return versions
    return versions


async def check(env: dict[str, str], guests: Guests, toggling: Toggling) -> None:
    """Nothing accepted is lost, nothing happened twice, and the stream says what the store says."""
    stored = stored_commands(env, guests.space)
    assert set(toggling.accepted) <= set(stored)
    assert max(stored.values()) == 1
    rebuilt = inspect(env, guests.space)
    assert rebuilt is not None

    async def seen_as_stored() -> bool:
        # People without a session are told to be lost meanwhile.
        return unread(await guests.see(follower=True)) == inspect(env, guests.space)

    await eventually(seen_as_stored)
    versions = await published_versions(guests.bus, rebuilt.version)
    assert len(versions) >= rebuilt.version
    assert versions == list(range(1, len(versions) + 1))


async def prepared(guests: Guests, *names: str) -> Toggling:
    await guests.create()
    for name in names:
        await guests.speaker(name)
    return Toggling(guests)


async def test_killed_while_commands_are_in_flight_no_answer_is_lost_and_nothing_happens_twice(
    env: dict[str, str], guests: Guests
) -> None:
    env = {**env, "ROSTRUM_INSTANCE": "room-1"}
    async with ServiceProcess("room", env) as child:
        toggling = await prepared(guests, "ann", "bob")
        toggling.start("ann", "bob")
        for life in range(1, 4):
            await toggling.until(60 * life)
            child.kill()
            await child.start()
        await toggling.until(300)
        await toggling.stop()
        await check(env, guests, toggling)


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(10, marks=pytest.mark.timeout(300)),
        pytest.param(200, marks=[pytest.mark.soak, pytest.mark.timeout(1500)]),
    ],
)
async def test_killed_at_random_moments_under_load_nothing_accepted_is_lost_or_done_twice(
    env: dict[str, str], guests: Guests, kills: int
) -> None:
    moments = random.Random(kills)
    # Nobody here is connected, and the longest run takes longer than the grace.
    env = {**env, "ROSTRUM_INSTANCE": "room-1", "ROSTRUM_ROOM_GRACE_SECONDS": "3600"}
    names = ("ann", "bob", "cy", "dee")
    await guests.sign_up("cy", "dee")
    async with ServiceProcess("room", env) as child:
        toggling = await prepared(guests, *names)
        toggling.start(*names)
        await toggling.until(50)
        for _ in range(kills):
            child.kill()
            # Also while it starts, reads its store and takes its partitions back.
            if moments.random() < 0.2:
                starting = asyncio.create_task(child.start())
                await asyncio.wait({starting}, timeout=moments.uniform(0.2, 1.0))
                child.kill()
                await asyncio.gather(starting, return_exceptions=True)
            await child.start()
            before = len(toggling.accepted)
            await toggling.until(before + moments.randrange(60))
        await toggling.stop()
        assert set(toggling.refused) <= {"unavailable"}
        await check(env, guests, toggling)
        told = len(toggling.accepted), toggling.refused["unavailable"]
        _log.info("%d kills; %d commands acknowledged, none lost, none twice; asked again %d times", kills, *told)


async def test_an_order_that_is_repeated_after_a_kill_is_answered_as_before(
    env: dict[str, str], guests: Guests
) -> None:
    async with ServiceProcess("room", {**env, "ROSTRUM_INSTANCE": "room-1"}) as child:
        await prepared(guests, "ann")
        ann = guests.ids["ann"]
        mute = v1.Mute(command_id="once", actor=ann, space_id=guests.space, person_id=ann)
        unmute = v1.Unmute(command_id="open", actor=ann, space_id=guests.space, person_id=ann)
        await guests.order(unmute)
        first = await guests.order(mute)
        await guests.order(v1.Unmute(command_id="again", actor=ann, space_id=guests.space, person_id=ann))
        child.kill()
        await child.start()
        repeated = await guests.order(mute)
        assert repeated == first
        now = inspect(env, guests.space)
        assert now is not None
        assert now.version == first.version + 1
        assert stored_commands(env, guests.space) == Counter(["open", "once", "again"])
        _, out, _ = await rostrum("inspect", guests.space, "--events", env=env)
        assert out.count(" Unmuted ") == 2


async def test_a_grace_that_began_under_one_process_ends_under_another_once(
    env: dict[str, str], guests: Guests
) -> None:
    env = brief(env) | {"ROSTRUM_ROOM_GRACE_SECONDS": "4"}

    async def until(true: Callable[[v1.Space], bool]) -> v1.Space:
        async def seen() -> v1.Space | None:
            with contextlib.suppress(Refusal, Unavailable):
                space = await guests.see(follower=True)
                return space if true(space) else None
            return None

        return await eventually(seen)

    async with ServiceProcess("room", {**env, "ROSTRUM_INSTANCE": "a"}) as one:
        await prepared(guests, "ann")
        await guests.join("host")
        missed = await until(lambda space: space.stage[0].lost_until is not None)
        before = len(stored_facts(env, guests.space))
        async with ServiceProcess("room", {**env, "ROSTRUM_INSTANCE": "b"}):
            one.kill()
            over = await until(lambda space: space.state is v1.State.TIMED_OUT)
            assert over.ended_at is not None
            assert missed.stage[0].lost_until is not None
            assert over.ended_at >= missed.stage[0].lost_until
        names = [name_of(stored.fact) for stored in stored_facts(env, guests.space)][before:]
        assert (names[-1], names.count("space.ended")) == ("space.ended", 1)
        # The speaker may be missed only now; the host again only where they were missed before they joined.
        assert names.count("space.lost") <= 1 + names.count("space.arrived")


async def test_nats_killed_while_commands_are_in_flight_costs_nothing_but_time(
    nats: NatsServer, env: dict[str, str], guests: Guests
) -> None:
    async with ServiceProcess("room", env):
        toggling = await prepared(guests, "ann", "bob")
        toggling.start("ann", "bob")
        await toggling.until(50)
        nats.kill()
        nats.start()
        await toggling.until(150)
        await toggling.stop()
        await check(env, guests, toggling)


async def test_two_room_processes_on_one_store_share_the_spaces_and_one_takes_over_from_the_other(
    env: dict[str, str], guests: Guests
) -> None:
    async with ServiceProcess("room", {**env, "ROSTRUM_INSTANCE": "a"}) as one:
        toggling = await prepared(guests, "ann", "bob")
        toggling.start("ann", "bob")
        async with ServiceProcess("room", {**env, "ROSTRUM_INSTANCE": "b"}) as other:
            await toggling.until(100)
            one.kill()
            await toggling.until(200)
            await one.start()
            await toggling.until(300)
            assert await other.stop() == 0
            await toggling.until(400)
        await toggling.stop()
        assert set(toggling.refused) <= {"unavailable"}
        await check(env, guests, toggling)


async def test_many_spaces_at_once(env: dict[str, str], guests: Guests) -> None:
    async with ServiceProcess("room", env):
        spaces = [new_id() for _ in range(200)]
        settings = v1.Settings(title="One of many")
        host = guests.ids["host"]
        orders = [v1.CreateSpace(command_id=s, actor=host, space_id=s, settings=settings) for s in spaces]
        # One after another, since they are one host's.
        await asyncio.gather(*(guests.bus.ask(order, timeout=LIMIT) for order in orders))
        seen = await asyncio.gather(*(guests.ask(v1.SpaceQuery(space_id=s)) for s in spaces))
        assert {space.id for space in seen} == set(spaces)
        assert {space.state for space in seen} == {v1.State.LIVE}
