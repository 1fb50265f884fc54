"""The hosting policy is asked at every act that makes somebody a host, and scheduled Spaces do not wait for ever."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from contracts.people import v1 as people
from contracts.room import v1
from libs.aio import end
from libs.bus import Bus
from libs.eventstore import Order
from libs.ids import new_id
from libs.service import Service, running
from services.room.domain.values import Settings as Chosen
from services.room.main import compose
from services.room.settings import Settings
from tests.integration.room.conftest import Guests, brief
from tests.integration.room.test_people_on_stage import give, privacy, refused, say
from tests.integration.room.test_space_timers import Clock, owner
from tests.support.waiting import beats, eventually


async def protect(guests: Guests, who: str, protected: bool) -> None:
    """Let somebody's account be protected or not."""
    await say(guests, privacy(guests, who, protected=protected, hides_listening=False))
    await guests.known_to_room()


async def schedule(guests: Guests, platform: str = "web") -> str:
    command = v1.CreateSpace(
        command_id=new_id(),
        actor=guests.ids["host"],
        space_id=new_id(),
        settings=v1.Settings(title="Later"),
        scheduled_start=datetime.now(UTC) + timedelta(hours=1),
        platform=platform,
    )
    return (await guests.order(command)).result.id


async def test_who_may_no_longer_host_does_not_start_what_they_scheduled(
    service: Service[Settings], guests: Guests
) -> None:
    guests.space = await schedule(guests)
    await protect(guests, "host", True)
    assert await refused(guests, "host", v1.StartSpace) == "may_not_host"
    assert (await guests.see("host")).state is v1.State.SCHEDULED
    await protect(guests, "host", False)
    assert (await give(guests, "host", v1.StartSpace)).state is v1.State.LIVE


async def test_where_a_kind_of_client_was_closed_since_nobody_starts_what_was_scheduled_with_it(
    service: Service[Settings], guests: Guests
) -> None:
    with_phone, with_browser = await schedule(guests, "ios"), await schedule(guests)
    rule = people.PlatformRule(platform="ios", who=people.WhoMayHost.NOBODY)
    policy = people.HostingPolicy(rule=people.HostingRule(who=people.WhoMayHost.EVERYONE), platforms=(rule,))
    await guests.bus.publish_event(people.HostingPolicyChanged(version=1, policy=policy, at=datetime.now(UTC)))
    await guests.known_to_room()
    guests.space = with_phone
    assert await refused(guests, "host", v1.StartSpace) == "may_not_host"
    guests.space = with_browser
    assert (await give(guests, "host", v1.StartSpace)).state is v1.State.LIVE


async def test_it_is_handed_over_to_nobody_who_may_not_host(service: Service[Settings], guests: Guests) -> None:
    await guests.create()
    for name in ("ann", "bob"):
        await guests.speaker(name)
        await give(guests, "host", v1.AppointCohost, person_id=guests.ids[name])
    await protect(guests, "ann", True)
    assert await refused(guests, "host", v1.HandOver, person_id=guests.ids["ann"]) == "may_not_host"
    assert (await guests.see("host")).host.id == guests.ids["host"]
    assert (await give(guests, "host", v1.HandOver, person_id=guests.ids["bob"])).host.id == guests.ids["bob"]


async def test_a_lost_host_is_followed_by_the_longest_serving_cohost_who_may_host(
    bus: Bus, guests: Guests, env: dict[str, str]
) -> None:
    ids, sessions = guests.ids, {name: new_id() for name in ("host", "ann", "bob")}
    async with running(Settings.read(brief(env) | {"ROSTRUM_ROOM_GRACE_SECONDS": "2"}), compose) as service:
        await eventually(lambda: not service.missing())
        await guests.create()
        here = set(sessions)

        async def stay() -> None:
            async for _ in beats(0.3):
                await guests.renew(*((sessions[name], ids[name]) for name in here))

        for name, session in sessions.items():
            await guests.join(name, session)
        staying = asyncio.create_task(stay())
        for name in ("ann", "bob"):
            await guests.speaker(name)
            await give(guests, "host", v1.AppointCohost, person_id=ids[name])
        await protect(guests, "ann", True)
        here.remove("host")

        async def taken_over() -> bool:
            space = await guests.see("bob")
            assert space.state is v1.State.LIVE
            return space.host.id != ids["host"]

        await eventually(taken_over)
        assert (await guests.see("bob")).host.id == ids["bob"]
        await end(staying)


async def test_what_nobody_starts_is_canceled_after_two_hours_and_gives_its_place_back(
    bus: Bus, tmp_path: Path
) -> None:
    clock, space, host = Clock(), new_id(), new_id()
    start = clock.now + timedelta(hours=1)

    async def state_in(folder: Path, at: datetime) -> tuple[str, str | None]:
        # Each look is another process's, so that what was missed while nobody kept the Spaces is made up for.
        clock.now = at
        async with owner(bus, folder, clock, lease=60) as room:
            await room.timers.look()
            return await room.store.read(space, lambda it: it.state), room.store.claimed("scheduled", f"{host}:0")

    async with owner(bus, tmp_path, clock, lease=60) as room:
        room.people.db.execute("INSERT INTO people (id, handle, name) VALUES (?, 'h', 'H')", (host,))
        await room.scheduling.create(
            Order(id="open", actor=host, at=clock()), space, Chosen(title="x"), lambda it: it, scheduled_start=start
        )
        await room.timers.look()
        clock.now = start + timedelta(hours=2) - timedelta(seconds=1)
        await room.timers.look()
        assert await room.store.read(space, lambda it: it.state) == "scheduled"
    late = start + timedelta(hours=2)
    assert await state_in(tmp_path, late - timedelta(seconds=1)) == ("scheduled", space)
    assert await state_in(tmp_path, late) == ("canceled", None)


async def test_it_is_canceled_in_time_by_the_room_that_kept_it_all_along(bus: Bus, tmp_path: Path) -> None:
    clock, space, host = Clock(), new_id(), new_id()
    start = clock.now + timedelta(hours=1)
    async with owner(bus, tmp_path, clock, lease=60) as room:
        room.people.db.execute("INSERT INTO people (id, handle, name) VALUES (?, 'h', 'H')", (host,))
        await room.scheduling.create(
            Order(id="open", actor=host, at=clock()), space, Chosen(title="x"), lambda it: it, scheduled_start=start
        )
        await room.timers.look()
        clock.now = start + timedelta(hours=2)
        await room.timers.look()
        (fact,) = [n.record.fact for n in await room.store.notifications(0) if n.version == 2]
        assert (type(fact).__name__, getattr(fact, "reason", None)) == ("Canceled", "never_started")
