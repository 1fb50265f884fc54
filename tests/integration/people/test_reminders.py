"""Reminders are given when it is time, once, whatever happens to the service: by a clock that the tests turn."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts import subjects
from contracts.people import v1
from contracts.room import v1 as room
from libs.bus import Bus
from libs.commands import Executor
from libs.eventstore import Order, Store, open_store
from libs.ids import new_id
from libs.refusal import Refusal
from services.people.app.reminders import Reminding
from services.people.domain.entities import Entity, new, stored_reminders
from services.people.domain.person import Person
from services.people.domain.reminders import Reminded, Reminders
from services.people.handlers.access import ordered
from services.people.projection.reminders_wanted import RemindersWanted
from services.people.projection.spaces import KnownSpaces
from tests.integration.people.asking import sign_up
from tests.integration.people.spaces import scheduled
from tests.support.nats import NatsServer
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT

START = datetime(2030, 1, 1, 18, 0, tzinfo=UTC)
HALF = timedelta(minutes=30)
HOST, ANN, BOB = new_id(), new_id(), new_id()


@dataclass
class Clock:
    """Stands still until it is turned."""

    at: datetime = START - timedelta(hours=5)

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Reminder:
    """What a service with a clock of the test's own remembers, over as many restarts as wanted."""

    bus: Bus
    folder: Path
    clock: Clock = field(default_factory=Clock)
    store: Store[Entity] = field(init=False)
    spaces: KnownSpaces = field(init=False)
    reminding: Reminding = field(init=False)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Reminding]:
        """One life of it."""
        async with AsyncExitStack() as stack:
            self.store = await stack.enter_async_context(open_store(self.folder / "people.db", new))
            self.spaces = await stack.enter_async_context(KnownSpaces(self.folder / "spaces.db", lambda box: None))
            wanted = await stack.enter_async_context(RemindersWanted(self.folder / "wanted.db"))
            following = asyncio.create_task(self.spaces.run(self.bus))
            stack.callback(following.cancel)
            executor = Executor(self.store, self.clock, ordered)
            self.reminding = Reminding(
                self.store, executor, self.spaces, wanted, now=self.clock, soon=HALF, space_wait=5
            )
            await self.caught_up()
            yield self.reminding

    async def caught_up(self) -> None:
        """Everything that room has told is known."""
        last = await self.bus.last_sequence()
        assert await self.spaces.until(lambda: self.spaces.sequence >= last, 2 * LIMIT)

    async def told(self, at: datetime) -> list[tuple[str, str]]:
        """Who is reminded of what when the clock comes to `at`, and it looks three times."""
        before = await self.store.last_notification()
        self.clock.at = at
        await self.caught_up()
        for _ in range(3):
            await self.reminding.remind()
        facts = [n.fact for n in await self.store.notifications(before)]
        return [(f.kind, person) for f in facts if isinstance(f, Reminded) for person in f.people]

    async def wants(self, person: str, space: str) -> None:
        """Somebody who signed up asks to be reminded."""
        order = Order(id=new_id(), actor=person, at=self.clock.at)

        def register(entity: Entity) -> list[Any]:
            assert isinstance(entity, Person)
            return [] if entity.exists else entity.register(person[-8:], "Somebody")

        await self.store.execute(person, order, register, lambda entity: None)
        await self.reminding.set(Order(id=new_id(), actor=person, at=self.clock.at), person, space)

    async def wants_no_more(self, person: str, space: str) -> None:
        """Somebody clears their reminder."""

        def clear(entity: Entity) -> list[Any]:
            assert isinstance(entity, Reminders)
            return list(entity.clear(person))

        order = Order(id=new_id(), actor=person, at=self.clock.at)
        await self.store.execute(stored_reminders(space), order, clear, lambda entity: None)


@pytest.fixture
def reminder(bus: Bus, tmp_path: Path) -> Reminder:
    return Reminder(bus, tmp_path)


async def test_the_host_half_an_hour_before_and_everybody_at_the_start_each_once(reminder: Reminder, bus: Bus) -> None:
    space = await scheduled(bus, HOST, START)
    async with reminder.running() as reminding:
        await reminder.wants(ANN, space)
        await reminder.wants(ANN, space)
        await reminder.wants(BOB, space)
        assert [one.id for one in await reminding.of(ANN, 10)] == [space]
        assert await reminder.told(START - HALF - timedelta(seconds=1)) == []
        assert await reminding.remind() == START - HALF
    async with reminder.running():
        assert await reminder.told(START - HALF) == [("soon", HOST)]
    async with reminder.running() as reminding:
        assert await reminder.told(START - timedelta(seconds=1)) == []
        assert await reminding.remind() == START
        assert await reminder.told(START) == [("start", HOST), ("start", ANN), ("start", BOB)]
    async with reminder.running() as reminding:
        assert await reminder.told(START + timedelta(days=1)) == []
        assert await reminding.remind() is None


async def test_what_was_due_while_nobody_was_there_comes_late_and_once(reminder: Reminder, bus: Bus) -> None:
    space = await scheduled(bus, HOST, START)
    async with reminder.running():
        await reminder.wants(ANN, space)
    async with reminder.running():
        # Half an hour before is over by then.
        assert await reminder.told(START + timedelta(hours=1)) == [("start", HOST), ("start", ANN)]
    async with reminder.running():
        assert await reminder.told(START + timedelta(hours=2)) == []


async def test_another_start_is_reminded_of_again(reminder: Reminder, bus: Bus) -> None:
    space = await scheduled(bus, HOST, START)
    later = START + timedelta(hours=3)
    async with reminder.running():
        await reminder.wants(ANN, space)
        assert await reminder.told(START - HALF) == [("soon", HOST)]
        await bus.publish_event(
            room.Rescheduled(space_id=space, version=2, at=datetime.now(UTC), scheduled_start=later)
        )
        assert await reminder.told(START) == []
        assert await reminder.told(later - HALF) == [("soon", HOST)]
        assert await reminder.told(later) == [("start", HOST), ("start", ANN)]


async def test_nobody_is_reminded_of_what_will_not_be(reminder: Reminder, bus: Bus) -> None:
    space = await scheduled(bus, HOST, START)
    async with reminder.running() as reminding:
        await reminder.wants(ANN, space)
        await reminder.wants(BOB, space)
        await reminder.wants_no_more(BOB, space)
        assert await reminding.of(BOB, 10) == []
        await bus.publish_event(room.Canceled(space_id=space, version=2, at=datetime.now(UTC)))
        assert await reminder.told(START) == []
        with pytest.raises(Refusal, match="not_scheduled"):
            await reminder.wants(BOB, space)


async def test_a_space_that_begins_early_calls_those_who_wait_and_not_its_host(reminder: Reminder, bus: Bus) -> None:
    space = await scheduled(bus, HOST, START)
    async with reminder.running():
        await reminder.wants(ANN, space)
        await begin(bus, space)
        assert await reminder.told(START - timedelta(hours=1)) == [("start", ANN)]
        assert await reminder.told(START) == []


async def begin(bus: Bus, space: str) -> None:
    host = v1.Person(id=HOST, handle="h", name="H").ref
    await bus.publish_event(
        room.Started(space_id=space, version=2, at=datetime.now(UTC), host=host, settings=room.Settings(title="Tea"))
    )


async def test_who_asks_late_is_called_when_it_begins(reminder: Reminder, bus: Bus) -> None:
    space = await scheduled(bus, HOST, START)
    async with reminder.running():
        await reminder.wants(ANN, space)
        assert await reminder.told(START) == [("start", HOST), ("start", ANN)]
        await reminder.wants(BOB, space)
        assert await reminder.told(START + timedelta(minutes=5)) == []
        await begin(bus, space)
        assert await reminder.told(START + timedelta(minutes=6)) == [("start", BOB)]


async def test_many_are_reminded(reminder: Reminder, bus: Bus) -> None:
    space = await scheduled(bus, HOST, START)
    crowd = [new_id() for _ in range(1200)]
    async with reminder.running():
        await asyncio.gather(*(reminder.wants(person, space) for person in crowd))
        told = await reminder.told(START)
        assert Counter(told) == Counter(("start", person) for person in (HOST, *crowd))


async def test_killed_around_the_start_each_is_told_once(server: NatsServer, bus: Bus) -> None:
    env = server.env | {"ROSTRUM_PEOPLE_REMIND_HOST_MINUTES": "0.02", "ROSTRUM_PEOPLE_SPACE_WAIT": "1.8"}
    async with ServiceProcess("people", env) as process:
        host, ann = await sign_up(bus, "host"), await sign_up(bus, "ann")
        start = datetime.now(UTC) + timedelta(seconds=8)
        space = await scheduled(bus, host.id, start)
        await bus.ask(v1.SetReminder(command_id=new_id(), actor=ann.id, space_id=space))
        (mine,) = (await bus.ask(v1.RemindersQuery(actor=ann.id))).result.reminders
        assert (mine.space_id, mine.title) == (space, "Tea")
        told: list[v1.ReminderDue] = []
        async with asyncio.timeout(LIMIT):
            async for batch in bus.follow(filters=[subjects.event("people", "*", v1.ReminderDue.name)]):
                told += [received.event for received in batch if isinstance(received.event, v1.ReminderDue)]
                process.kill()
                await process.start()
                if len(told) >= 3:
                    break
        # It is up again and has looked: were anybody told twice, it would be in the stream by now.
        await bus.ask(v1.ClearReminder(command_id=new_id(), actor=ann.id, space_id=space), timeout=LIMIT)
        async for batch in bus.follow(filters=[subjects.event("people", "*", v1.ReminderCleared.name)]):
            assert batch
            break
        all_told: list[v1.ReminderDue] = []
        last = await bus.last_sequence()
        async for batch in bus.follow(filters=[subjects.events_of("people")]):
            all_told += [received.event for received in batch if isinstance(received.event, v1.ReminderDue)]
            if batch[-1].sequence >= last:
                break
        assert Counter((one.kind, one.person_id) for one in all_told) == {
            ("soon", host.id): 1, ("start", host.id): 1, ("start", ann.id): 1,
        }  # fmt: skip
