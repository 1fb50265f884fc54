"""The timers with a clock of the test's own: two minutes pass at once, over a restart and over a store of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.room import v1
from libs.bus import Bus
from libs.commands import Executor
from libs.eventstore import Order, Store, open_store
from libs.ids import new_id
from services.room.app.admission import Admission
from services.room.app.attendance import Attendance
from services.room.app.live_limit import LiveLimit
from services.room.app.reactions import ReactionCounts
from services.room.app.scheduling import Scheduling
from services.room.app.session_leases import SessionLeases
from services.room.app.space_timers import SpaceTimers
from services.room.app.standstill import Absence, Standstill
from services.room.domain.limits import Limits
from services.room.domain.space import Space
from services.room.domain.values import Settings
from services.room.handlers.commands import ordered
from services.room.projection.agenda import Agenda
from services.room.projection.people import People
from tests.integration.room.conftest import unused_vault


class Clock:
    """Stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Room:
    """One owner of all partitions."""

    def __init__(
        self,
        store: Store[Space],
        scheduling: Scheduling,
        attendance: Attendance,
        timers: SpaceTimers,
        people: People,
        standstill: Standstill,
    ) -> None:
        self.store, self.scheduling, self.standstill = store, scheduling, standstill
        self.attendance, self.timers, self.people = attendance, timers, people


@asynccontextmanager
async def owner(bus: Bus, folder: Path, clock: Clock, *, lease: float) -> AsyncIterator[Room]:
    """A room whose leases are `lease` seconds of real time, and whose grace is two minutes of the clock's."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(folder / "room.db", Space))
        people = await stack.enter_async_context(People(folder / "people.db"))
        agenda = await stack.enter_async_context(Agenda(folder / "agenda.db"))
        standstill = Standstill(bus, clock)
        limits, admission = Limits(), Admission(store, people, unused_vault(), person_wait=0)
        sessions = SessionLeases(lease)
        attendance = Attendance(
            bus,
            store,
            people,
            sessions,
            ReactionCounts(()),
            standstill,
            count_interval=1,
            reaction_interval=1,
            now=clock,
        )
        executor = Executor(store, clock, ordered, check=admission.check, consequences=attendance.consequences)
        live = LiveLimit(store, agenda, 3)
        scheduling = Scheduling(store, executor, people, limits, sessions.platform_of, live, person_wait=0)
        timers = SpaceTimers(store, executor, admission, scheduling, agenda, attendance, standstill, limits, clock)
        for partition in range(bus.settings.partitions):
            attendance.gain(partition)
            timers.gain(partition)
        yield Room(store, scheduling, attendance, timers, people, standstill)
        for partition in range(bus.settings.partitions):
            attendance.lose(partition)


async def test_the_grace_is_two_minutes_of_the_clock_and_goes_on_over_a_restart(bus: Bus, tmp_path: Path) -> None:
    clock, space, host = Clock(), new_id(), new_id()
    joined = v1.JoinSpace(command_id="1", actor=host, space_id=space, session_id=new_id())

    async def state(room: Room) -> tuple[str, datetime | None]:
        def seen(it: Space) -> tuple[str, datetime | None]:
            member = it.stage.get(host)
            return it.state, member.lost_until if member else None

        return await room.store.read(space, seen)

    async with owner(bus, tmp_path, clock, lease=60) as room:
        room.people.db.execute("INSERT INTO people (id, handle, name) VALUES (?, 'h', 'H')", (host,))
        opened = Order(id="open", actor=host, at=clock())
        await room.scheduling.create(opened, space, Settings(title="x"), lambda it: it.version, scheduled_start=None)
        room.attendance.joined(joined, "host")
        await room.timers.look()
        room.attendance.left(space, joined.session_id, host)
        await room.timers.look()
        until = clock.now + timedelta(seconds=120)
        assert await state(room) == ("live", until)
        clock.now += timedelta(seconds=119)
        await room.timers.look()
        assert await state(room) == ("live", until)

    clock.now += timedelta(seconds=60)
    async with owner(bus, tmp_path, clock, lease=60) as room:
        await room.timers.look()
        assert await state(room) == ("live", until), "nobody is judged before it is known who is there"
    async with owner(bus, tmp_path, clock, lease=0) as room:
        await room.timers.look()
        assert await state(room) == ("timed_out", None)
        await room.timers.look()
        assert await room.store.read(space, lambda it: it.version) == 5


async def test_a_host_who_renews_after_a_restart_is_back(bus: Bus, tmp_path: Path) -> None:
    clock, space, host = Clock(), new_id(), new_id()
    joined = v1.JoinSpace(command_id="1", actor=host, space_id=space, session_id=new_id())
    async with owner(bus, tmp_path, clock, lease=60) as room:
        room.people.db.execute("INSERT INTO people (id, handle, name) VALUES (?, 'h', 'H')", (host,))
        opened = Order(id="open", actor=host, at=clock())
        await room.scheduling.create(opened, space, Settings(title="x"), lambda it: it.version, scheduled_start=None)
        room.attendance.joined(joined, "host")
        await room.timers.look()
        room.attendance.left(space, joined.session_id, host)
        await room.timers.look()
    clock.now += timedelta(seconds=100)
    async with owner(bus, tmp_path, clock, lease=0.0) as room:
        room.attendance.joined(joined, "host")
        await room.timers.look()
        clock.now += timedelta(seconds=100)
        await room.timers.look()
        here = await room.store.read(space, lambda it: (it.state, it.stage[host].role, it.stage[host].lost_until))
        assert here == ("live", "host", None)


async def test_who_is_not_relearnt_because_nats_was_away_is_waited_for_as_much_longer(bus: Bus, tmp_path: Path) -> None:
    now, clock, space = asyncio.get_running_loop().time, Clock(), new_id()
    async with owner(bus, tmp_path, clock, lease=60) as room:

        def was_away(number: int, seconds: float, until: float) -> None:
            lasted = timedelta(seconds=seconds)
            room.standstill.absences.append(Absence(number, clock.now - lasted, lasted, until))

        settled = now() + room.attendance.settled_in(space)
        was_away(1, 3000, settled - 1)
        assert now() + room.attendance.settled_in(space) == pytest.approx(settled + 3000, abs=300)
        was_away(2, 1000, settled + 9000)  # everybody was known by then
        assert now() + room.attendance.settled_in(space) == pytest.approx(settled + 3000, abs=300)
