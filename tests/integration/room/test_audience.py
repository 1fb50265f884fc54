"""Who is there, told on the bus."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from contracts import subjects
from contracts.envelope import Event
from contracts.presence import v1 as presence
from contracts.room import v1
from libs.aio import end
from libs.bus import Bus, Refusal
from libs.ids import new_id
from libs.service import running
from services.room.main import compose
from services.room.settings import Settings
from tests.integration.room.conftest import Guests
from tests.support.waiting import beats, eventually


class Watch:
    """Collects presence events."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.more = asyncio.Event()

    async def run(self, bus: Bus) -> None:
        async for batch in bus.follow(filters=[subjects.events_of("presence")]):
            self.events.extend(received.event for received in batch)
            self.more.set()

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def counts(self) -> list[tuple[int, int]]:
        return [(e.listeners, e.on_stage) for e in self.events if isinstance(e, presence.Counted)]


@pytest.fixture
async def watch(bus: Bus) -> AsyncIterator[Watch]:
    watch = Watch()
    task = asyncio.create_task(watch.run(bus))
    yield watch
    await end(task)


async def renew(bus: Bus, guests: Guests, *leases: tuple[str, str | None]) -> None:
    partition = subjects.partition_of(guests.space, bus.settings.partitions)
    renewal = presence.Renewal(
        holder="gateway",
        leases=tuple(
            presence.Lease(space_id=guests.space, session_id=s, person_id=p, joined_at=datetime.now(UTC))
            for s, p in leases
        ),
    )
    await bus.nc.publish(subjects.presence(partition), renewal.model_dump_json().encode())


@pytest.mark.usefixtures("service")
async def test_people_come_and_go_and_the_counts_say_so(bus: Bus, guests: Guests, watch: Watch) -> None:
    await guests.create()
    await guests.speaker("ann")
    one, two = new_id(), new_id()
    session = await guests.join("bob", one)
    assert (session.role, session.lease_seconds, session.space.id) == (v1.Role.LISTENER, 2.0, guests.space)
    await guests.join("bob", two)
    await guests.join(None)
    await guests.join("ann")
    assert await guests.count() == (2, 1)
    await eventually(lambda: watch.counts[-1:] == [(2, 1)])
    leave = v1.LeaveSpace(command_id=new_id(), actor=guests.ids["bob"], space_id=guests.space, session_id=one)
    await guests.order(leave)
    assert await guests.count() == (2, 1), "the other device is still there"
    await guests.order(leave.model_copy(update={"session_id": two, "command_id": new_id()}))
    assert await guests.count() == (1, 1)
    await eventually(lambda: watch.counts[-1:] == [(1, 1)])
    await eventually(lambda: len(watch.of(presence.Left)) == 2)
    assert len(watch.of(presence.Joined)) == 4


@pytest.mark.usefixtures("service")
async def test_a_session_of_somebody_else_is_not_closed(guests: Guests) -> None:
    await guests.create()
    session = new_id()
    await guests.join("bob", session)
    foreign = v1.LeaveSpace(command_id="1", actor=guests.ids["ann"], space_id=guests.space, session_id=session)
    await guests.order(foreign)
    assert await guests.count() == (1, 0)


@pytest.mark.usefixtures("service")
async def test_a_crowd_that_vanishes_is_gone_after_one_lease_and_writes_no_event_of_the_space(
    bus: Bus, guests: Guests, watch: Watch
) -> None:
    space = await guests.create()
    await asyncio.gather(*(guests.join(None) for _ in range(200)))
    kept = new_id()
    await guests.join("bob", kept)
    assert await guests.count() == (201, 0)

    async def renewing() -> None:
        async for _ in beats(0.3):
            await renew(bus, guests, (kept, guests.ids["bob"]))

    task = asyncio.create_task(renewing())
    await eventually(lambda: watch.counts[-1:] == [(1, 0)], within=6)
    await end(task)

    def lapsed() -> int:
        return len([e for e in watch.of(presence.Left) if isinstance(e, presence.Left) and e.lapsed])

    # The count does not wait until everybody has been told one by one.
    await eventually(lambda: lapsed() == 200)
    assert (await guests.see()).version == space.version


@pytest.mark.usefixtures("service")
async def test_a_removed_person_is_gone_at_once_and_stays_out_whatever_is_renewed(bus: Bus, guests: Guests) -> None:
    await guests.create()
    session = new_id()
    await guests.join("bob", session)
    await guests.join("ann")
    remove = v1.RemovePerson(
        command_id="1", actor=guests.ids["host"], space_id=guests.space, person_id=guests.ids["bob"]
    )
    await guests.order(remove)
    assert await guests.count() == (1, 0)
    await renew(bus, guests, (session, guests.ids["bob"]))
    with pytest.raises(Refusal, match="removed"):
        await guests.join("bob")
    assert await guests.count() == (1, 0)


@pytest.mark.usefixtures("service")
async def test_when_the_space_ends_everybody_has_left(guests: Guests, watch: Watch) -> None:
    await guests.create()
    for name in ("host", "ann", "bob"):
        await guests.join(name)
    await guests.order(v1.EndSpace(command_id="1", actor=guests.ids["host"], space_id=guests.space))
    await eventually(lambda: len(watch.of(presence.Left)) == 3)
    assert not any(e.lapsed for e in watch.events if isinstance(e, presence.Left))


@pytest.mark.usefixtures("service")
async def test_reactions_are_counted_together_and_each_once(guests: Guests, watch: Watch) -> None:
    space = await guests.create()
    ann = guests.ids["ann"]
    claps = [v1.React(command_id=f"k{n}", actor=ann, space_id=guests.space, reaction="clap") for n in range(30)]
    await asyncio.gather(*(guests.order(clap) for clap in [*claps, *claps[:10]]))
    wave = v1.React(command_id="w", actor=ann, space_id=guests.space, reaction="wave", skin_tone=4)
    await guests.order(wave)
    total: Counter[str] = Counter()

    def complete() -> bool:
        total.clear()
        for event in watch.events:
            if isinstance(event, presence.Reacted):
                total.update(event.counts)
        return total == {"clap": 30, "wave:4": 1}

    await eventually(complete)
    assert len(watch.of(presence.Reacted)) <= 5
    assert (await guests.see()).version == space.version
    unknown = v1.React(command_id="u", actor=ann, space_id=guests.space, reaction="rotten_tomato")
    with pytest.raises(Refusal, match="invalid"):
        await guests.order(unknown)


async def test_after_a_restart_the_sessions_are_relearnt_and_nobody_joins_or_leaves(
    bus: Bus, guests: Guests, watch: Watch, env: dict[str, str]
) -> None:
    env = {**env, "ROSTRUM_ROOM_LEASE_SECONDS": "4"}
    sessions = [new_id() for _ in range(20)]
    async with running(Settings.read(env), compose) as service:
        await eventually(lambda: not service.missing())
        await guests.create()
        for session in sessions:
            await guests.join(None, session)
        await eventually(lambda: watch.counts[-1:] == [(20, 0)])
    before = len(watch.events)
    async with running(Settings.read(env), compose) as service:
        await eventually(lambda: not service.missing())
        await renew(bus, guests, *((session, None) for session in sessions))

        async def all_are_back() -> bool:
            return await guests.count() == (20, 0)

        await eventually(all_are_back)
        await renew(bus, guests, *((session, None) for session in sessions[:10]))
        await eventually(lambda: watch.counts[-1:] == [(20, 0)] and len(watch.events) > before, within=10)
    told = watch.events[before:]
    assert not [e for e in told if isinstance(e, presence.Joined)]


async def test_who_can_join_narrowed_while_live_is_for_those_who_come(
    bus: Bus, guests: Guests, watch: Watch, env: dict[str, str]
) -> None:
    env = {**env, "ROSTRUM_ROOM_LEASE_SECONDS": "4"}
    inside = [(new_id(), None), (new_id(), guests.ids["ann"])]
    async with running(Settings.read(env), compose) as service:
        await eventually(lambda: not service.missing())
        await guests.create()
        await guests.join(None, inside[0][0])
        await guests.join("ann", inside[1][0])
        await guests.order(
            v1.ChangeSettings(
                command_id=new_id(), actor=guests.ids["host"], space_id=guests.space, who_can_join=v1.WhoCanJoin.INVITED
            )
        )
        assert await guests.count() == (2, 0)
        for name in (None, "ann", "bob"):
            with pytest.raises(Refusal, match="not_allowed"):
                await guests.join(name)
            with pytest.raises(Refusal, match="not_allowed"):
                await guests.ask(v1.AdmitQuery(space_id=guests.space, actor=guests.ids[name] if name else None))
    async with running(Settings.read(env), compose) as service:
        await eventually(lambda: not service.missing())
        await renew(bus, guests, *inside)

        async def known_again() -> bool:
            return await guests.count() == (2, 0)

        await eventually(known_again)
        await guests.order(
            v1.LeaveSpace(command_id=new_id(), actor=guests.ids["ann"], space_id=guests.space, session_id=inside[1][0])
        )
        with pytest.raises(Refusal, match="not_allowed"):
            await guests.join("ann")
