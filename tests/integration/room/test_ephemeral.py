"""When an ephemeral Space is over, its keys are destroyed, and room has nothing more to show of it. Room and people are
the real ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from contracts.people import v1 as people
from contracts.room import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.keyring import Destroyed
from libs.keyring.client import open_keyring
from libs.refusal import Refusal
from services.room.domain.facts import Ended
from services.room.main import stored_facts
from tests.integration.room.conftest import Guests, brief
from tests.integration.room.test_names import told
from tests.integration.room.test_words import LINK, PIN, TITLE, WORD, come, first_forgotten, found, keys, pin, room
from tests.support.nats import NatsServer
from tests.support.service_process import ServiceProcess
from tests.support.waiting import eventually


@pytest.fixture
def guests(bus: Bus) -> Guests:
    return Guests(bus)


async def begin(guests: Guests, *, scheduled: bool = False) -> v1.Space:
    chosen = v1.Settings(title=TITLE, captions=True, ephemeral=True)
    order = v1.CreateSpace(
        command_id=new_id(),
        actor=guests.ids["host"],
        space_id=guests.space,
        settings=chosen,
        words=(WORD,),
        scheduled_start=datetime.now(UTC) + timedelta(days=1) if scheduled else None,
    )
    return (await guests.order(order)).result


async def end(guests: Guests, *, operator: bool = False) -> v1.Space:
    actor = new_id() if operator else guests.ids["host"]
    order = v1.EndSpace(command_id=new_id(), actor=actor, operator=operator, space_id=guests.space)
    return (await guests.order(order)).result


async def unreadable(bus: Bus, guests: Guests) -> None:
    """Nothing can be sealed or opened any more that belongs to the Space."""
    async with open_keyring(bus, "recording-1") as keyring:
        for names in ((f"space:{guests.space}",), (f"person:{guests.ids['host']}", f"space:{guests.space}")):
            with pytest.raises(Destroyed):
                (await keyring.lock(*names)).seal("title", TITLE)


def is_left(space: v1.Space, host: str) -> None:
    assert (space.settings.title, space.host.id) == (v1.TITLE_REMOVED, host)
    assert space.ended_at is not None
    shown = space.pins, space.words, space.stage, space.removed, space.invited, space.settings.topics
    assert not any(shown)


async def by_the_host(guests: Guests, env: dict[str, str]) -> None:
    await end(guests)


async def by_the_platform(guests: Guests, env: dict[str, str]) -> None:
    is_left(await end(guests, operator=True), guests.ids["host"])


async def by_a_suspension(guests: Guests, env: dict[str, str]) -> None:
    order = people.Suspend(
        command_id=new_id(), actor=new_id(), operator=True, person_id=guests.ids["host"], reason="abuse"
    )
    await guests.order(order)


async def by_losing_the_host(guests: Guests, env: dict[str, str]) -> None:
    """They were never there, and the grace is over."""


@pytest.mark.parametrize("over", [by_the_host, by_the_platform, by_a_suspension, by_losing_the_host])
async def test_however_it_ends_its_keys_are_destroyed_and_its_times_remain(
    over: Callable[[Guests, dict[str, str]], Awaitable[None]], env: dict[str, str], nats: NatsServer, guests: Guests
) -> None:
    if over is by_losing_the_host:
        env = {**brief(env), "ROSTRUM_ROOM_GRACE_SECONDS": "3"}
    async with keys(nats):
        await come(guests, "host", "ann")
        async with room(env):
            assert (await begin(guests)).settings.title == TITLE
            assert (await guests.see("ann")).settings.ephemeral
            assert [one.url for one in (await pin(guests)).pins] == [LINK]
            await over(guests, env)
            assert (f"space:{guests.space}", None) in await first_forgotten(guests.bus)
            await told(guests.bus, v1.Ended)
            is_left(await guests.see(follower=True), guests.ids["host"])
            await unreadable(guests.bus, guests)
        async with room(env):  # and from the stored facts, too
            is_left(await guests.see("ann"), guests.ids["host"])
    assert not found(env)


async def test_one_that_is_canceled_is_destroyed_too(env: dict[str, str], nats: NatsServer, guests: Guests) -> None:
    async with keys(nats), room(env):
        await come(guests, "host")
        await begin(guests, scheduled=True)
        order = v1.CancelSpace(command_id=new_id(), actor=guests.ids["host"], space_id=guests.space)
        is_left((await guests.order(order)).result, guests.ids["host"])
        assert await first_forgotten(guests.bus) == [(f"space:{guests.space}", None)]
        await unreadable(guests.bus, guests)


async def test_of_a_deleted_space_all_words_are_destroyed_and_its_keys_stay_for_the_safety_copy(
    env: dict[str, str], nats: NatsServer, guests: Guests
) -> None:
    host, space = "host", f"space:{guests.space}"
    async with keys(nats):
        await come(guests, host, "ann")
        async with room(env):
            await guests.create(title=TITLE)
            await guests.order(
                v1.ChangeWords(command_id=new_id(), actor=guests.ids[host], space_id=guests.space, words=(WORD,))
            )
            await pin(guests)
            delete = v1.DeleteSpace(command_id=new_id(), actor=guests.ids[host], space_id=guests.space)
            with pytest.raises(Refusal, match="end it first"):
                await guests.order(delete)
            await end(guests)
            assert (await guests.see("ann")).settings.title == TITLE
            delete = delete.model_copy(update={"command_id": new_id()})
            for _ in range(2):  # sent again, it happens once
                await guests.order(delete)
            for who in (host, "ann"):
                with pytest.raises(Refusal) as no:
                    await guests.see(who)
                assert no.value.reason == "space_deleted"
            await told(guests.bus, v1.SpaceDeleted)
            lock = f"person:{guests.ids[host]}|{space}"
            units = {unit for what, unit in await first_forgotten(guests.bus, 3) if what == lock}
            assert units == {"title", "words", f"pin/{PIN}"}
            async with open_keyring(guests.bus, "recording-1") as keyring:
                assert (await keyring.lock(space)).has("replay")
    assert not found(env)


async def test_it_is_refused_together_with_recorded(env: dict[str, str], nats: NatsServer, guests: Guests) -> None:
    async with keys(nats), room(env):
        await come(guests, "host")
        with pytest.raises(Refusal, match="choose one") as no:
            await guests.create(recorded=True, ephemeral=True)
        assert (no.value.reason, no.value.field) == ("invalid", "ephemeral")


async def test_room_killed_between_the_end_and_the_destruction_has_the_keys_destroyed_afterwards(
    env: dict[str, str], nats: NatsServer, guests: Guests
) -> None:
    process = ServiceProcess("room", env)
    async with process:
        async with keys(nats):
            await come(guests, "host")
            await begin(guests)
            await pin(guests)
        # Nobody destroys keys while people is away.
        is_left(await end(guests), guests.ids["host"])
        process.kill()
        async with keys(nats, lease=1.0):
            async with open_keyring(guests.bus, "recording-1") as keyring:
                lock = await keyring.lock(f"space:{guests.space}")
                assert not lock.destroyed
            await process.start()
            assert await first_forgotten(guests.bus) == [(f"space:{guests.space}", None)]
            await unreadable(guests.bus, guests)

            async def answered() -> bool:
                is_left(await guests.see("host"), guests.ids["host"])
                return True

            await eventually(answered)
    assert isinstance(stored_facts(env, guests.space)[-1].fact, Ended)
    assert not found(env)
