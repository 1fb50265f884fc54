"""Keys over the bus: the same for all who may ask, and gone from every process once they are destroyed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from contracts import subjects
from contracts.people import v1
from libs.bus import Bus, BusSettings, Unavailable, connect
from libs.ids import new_id
from libs.keyring import Destroyed, Expired
from libs.keyring.client import open_keyring
from libs.refusal import Refusal
from libs.service import CannotStart, running
from services.people.main import compose
from services.people.settings import Settings
from tests.support.nats import NatsServer, settled
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually

ANN, TEA = "person:ann", "space:tea"
BOTH = f"{ANN}|{TEA}"


def settings(server: NatsServer, lease: float = 300.0) -> Settings:
    return Settings.read({**server.env, "ROSTRUM_PEOPLE_KEY_LEASE": str(lease)})


@pytest.fixture
async def other_bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("test", BusSettings(url=server.url)) as bus:
        yield bus


async def destroy_units(bus: Bus, *units: str, lock: str = BOTH) -> int:
    command = v1.DestroyUnits(command_id=new_id(), lock=lock, units=units)
    return (await bus.ask(command)).result.number


async def destroy(bus: Bus, *names: str) -> int:
    return (await bus.ask(v1.DestroySubjects(command_id=new_id(), subjects=names))).result.number


async def forgotten(bus: Bus, number: int) -> list[v1.Forgotten]:
    """Everything that is told to be forgotten, as soon as this number is."""
    told: list[v1.Forgotten] = []
    filters = [subjects.event("people", "*", v1.Forgotten.name)]
    async with asyncio.timeout(LIMIT):
        async for batch in bus.follow(filters=filters):
            told += [received.event for received in batch if isinstance(received.event, v1.Forgotten)]
            if told and told[-1].number >= number:
                break
    return told


async def test_whoever_asks_gets_the_same_keys_also_after_a_restart(
    server: NatsServer, bus: Bus, other_bus: Bus
) -> None:
    async with running(settings(server), compose), open_keyring(bus, "room-1") as room:
        sealed = (await room.lock(ANN, TEA)).seal("title", "Tea at four")
        async with open_keyring(other_bus, "recording-1") as recording:
            assert (await recording.lock(TEA, ANN)).read(sealed, "title") == "Tea at four"
    async with running(settings(server), compose), open_keyring(bus, "room-1") as room:
        assert (await room.lock(ANN, TEA)).read(sealed, "title") == "Tea at four"


async def test_many_that_are_asked_for_at_once_go_in_few_requests(bus: Bus, other_bus: Bus, people: None) -> None:
    # What is not answered within a second, on a busy machine, is asked again, and perhaps with other keys.
    asked: set[tuple[str, ...]] = set()

    async def saw(message: object) -> None:
        asked.add(v1.LocksQuery.model_validate_json(message.data).locks)  # type: ignore[attr-defined]

    await other_bus.listen(subjects.query("people", v1.LocksQuery.name), saw)
    await settled(other_bus.nc)
    async with open_keyring(bus, "room-1") as room:
        locks = await asyncio.gather(*(room.lock(f"person:p{number % 100}", TEA) for number in range(200)))
        assert len({lock.name for lock in locks}) == 100
        assert await room.lock("person:p1", TEA) is locks[1]  # in memory
    await eventually(lambda: len(set().union(*asked)) == 100)
    assert len(asked) < 10


async def test_a_destroyed_unit_is_dropped_everywhere_before_it_is_said_to_be_forgotten(
    bus: Bus, other_bus: Bus, people: None
) -> None:
    async with open_keyring(bus, "room-1") as room, open_keyring(other_bus, "recording-1") as recording:
        lock, held = await room.lock(ANN, TEA), await recording.lock(ANN, TEA)
        title, pin = lock.seal("title", "Tea"), lock.seal("pin/1", "https://tea.example")
        opened = {"pin/1": held.read(pin, "pin/1")}
        recording.on_drop(lambda erased: opened.pop(erased.unit or "", None))
        number = await destroy_units(bus, "pin/1")
        (told,) = await forgotten(bus, number)
        assert (told.number, told.what, told.unit, told.key) == (number, BOTH, "pin/1", "tea")
        assert opened == {}
        for old in (lock, held):
            with pytest.raises(Expired):
                old.read(title, "title")
        for keyring in (room, recording):
            again = await keyring.lock(ANN, TEA)
            assert again.read(title, "title") == "Tea"
            with pytest.raises(Destroyed):
                again.read(pin, "pin/1")
        assert await destroy_units(bus, "pin/1") == number  # again


async def test_a_destroyed_person_takes_what_they_said_in_every_space(bus: Bus, people: None) -> None:
    async with open_keyring(bus, "room-1") as room:
        await room.locks([BOTH, ANN, TEA, "person:bob|space:tea"])
        (told,) = await forgotten(bus, await destroy(bus, ANN))
        assert (told.what, told.unit) == (ANN, None)
        for name in ((ANN, TEA), (ANN,), (ANN, "space:never")):
            assert (await room.lock(*name)).destroyed
        assert not (await room.lock("person:bob", TEA)).destroyed


async def test_a_holder_that_says_nothing_is_waited_for_until_its_lease_is_over(server: NatsServer, bus: Bus) -> None:
    loop = asyncio.get_running_loop()
    async with running(settings(server, lease=1.5), compose):
        asked = loop.time()
        await bus.ask(v1.LocksQuery(holder="dead-1", locks=(BOTH,)))
        await forgotten(bus, await destroy_units(bus, "title"))
        assert loop.time() >= asked + 1.5


async def test_keys_are_of_no_use_once_the_lease_is_over_and_nobody_renews_it(server: NatsServer, bus: Bus) -> None:
    async with open_keyring(bus, "room-1") as room:
        async with running(settings(server, lease=3.0), compose):
            while True:
                lock = await room.lock(ANN, TEA)
                with suppress(Expired):  # where this process stood still meanwhile
                    sealed = lock.seal("title", "Tea")
                    break
        while room.cached(ANN, TEA) is not None:  # cut off: it forgets by itself
            await asyncio.sleep(0.05)
        with pytest.raises(Expired):
            lock.read(sealed, "title")
        with pytest.raises(Unavailable):
            await room.lock(ANN, TEA)


async def test_a_lock_with_many_holes_comes_in_parts(bus: Bus, people: None) -> None:
    async with open_keyring(bus, "room-1") as room:
        lock = await room.lock(ANN, TEA)
        kept = lock.seal("caption/kept", "Tea")
        number = 0
        for first in range(0, 600, 200):
            number = await destroy_units(bus, *(f"caption/{first + each}" for each in range(200)))
        await forgotten(bus, number)
        answer = (await bus.ask(v1.LocksQuery(holder="room-1", locks=(BOTH, TEA)))).result
        assert [one.name for one in answer.locks] == [BOTH]
        assert 0 < len(answer.locks[0].part) < answer.locks[0].size
        lock, other = (await room.locks([BOTH, TEA])).values()
        assert lock.read(kept, "caption/kept") == "Tea"
        assert other.read(other.seal("title", "Tea"), "title") == "Tea"
        with pytest.raises(Destroyed):
            lock.seal("caption/599", "Tea")


async def test_forgetting_goes_on_after_people_was_killed_in_the_middle(server: NatsServer, bus: Bus) -> None:
    async with ServiceProcess("people", {**server.env, "ROSTRUM_PEOPLE_KEY_LEASE": "6"}) as process:
        await bus.ask(v1.LocksQuery(holder="dead-1", locks=(BOTH,)), timeout=LIMIT)
        number = await destroy_units(bus, "title")
        process.kill()
        assert await bus.last_sequence() == 0  # nothing is said to be forgotten yet
        await process.start()
        (told,) = await forgotten(bus, number)
        assert (told.what, told.unit) == (BOTH, "title")


async def test_people_does_not_start_without_the_newest_ledger(server: NatsServer, bus: Bus) -> None:
    async with running(settings(server), compose):
        await forgotten(bus, await destroy(bus, ANN))
    ledger = Path(server.env["ROSTRUM_VAR"]) / "ledger" / "erasures.db"
    ledger.rename(ledger.with_suffix(".away"))
    with pytest.raises(CannotStart, match="restore the newest one"):
        async with running(settings(server), compose):
            pass


async def test_nor_with_keys_and_a_ledger_of_before_what_it_knows_to_be_forgotten(server: NatsServer, bus: Bus) -> None:
    async with running(settings(server), compose):
        await forgotten(bus, await destroy(bus, ANN))
    var = Path(server.env["ROSTRUM_VAR"])
    for folder in ("keys", "ledger"):
        (var / folder).rename(var / f"{folder}.away")
    with pytest.raises(CannotStart, match="older than the facts"):
        async with running(settings(server), compose):
            pass


@pytest.mark.parametrize("wrong", ["space:tea|person:ann", "person:ann|person:ann"])
async def test_a_lock_has_one_name(bus: Bus, people: None, wrong: str) -> None:
    with pytest.raises(Refusal, match="sorted"):
        await bus.ask(v1.LocksQuery(holder="room-1", locks=(wrong,)))
