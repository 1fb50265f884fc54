"""Partitions have one owner, shared fairly, taken over when an owner is gone."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from contracts import subjects
from libs.aio import end
from libs.bus import Bus, BusSettings, Leases, connect
from libs.bus.origin import mark
from tests.support.nats import NatsServer
from tests.support.waiting import eventually


class Owner:
    """A process that owns partitions; knows what it was told."""

    def __init__(self, bus: Bus, instance: str) -> None:
        self.told: set[int] = set()
        self.leases = Leases(bus, "room", instance, 16, self._gained, self._lost)

    async def _gained(self, partition: int) -> None:
        assert partition not in self.told
        self.told.add(partition)

    async def _lost(self, partition: int) -> None:
        self.told.remove(partition)


@asynccontextmanager
async def owner(nats: NatsServer, instance: str) -> AsyncIterator[Owner]:
    async with await connect("room", BusSettings(url=nats.url)) as bus:
        one = Owner(bus, instance)
        async with one.leases:
            yield one


@pytest.fixture
def long_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that nobody here waits for: what is had was not left to lapse."""
    monkeypatch.setattr("libs.bus.leases.TTL", 60)


async def test_one_process_owns_everything_at_once(nats: NatsServer) -> None:
    async with owner(nats, "a") as one:
        await eventually(lambda: one.leases.lack() is None)
        assert one.told == set(range(16)) == one.leases.held


@pytest.mark.usefixtures("long_leases")
async def test_two_processes_share_and_the_one_that_stops_leaves_all_to_the_other(nats: NatsServer) -> None:
    async with owner(nats, "a") as one:
        await eventually(lambda: one.leases.lack() is None)
        async with owner(nats, "b") as other:
            await eventually(lambda: len(one.told) == len(other.told) == 8)
            assert one.told.isdisjoint(other.told)
        await eventually(lambda: len(one.told) == 16)


async def test_the_partitions_of_a_process_that_dies_are_taken_over_within_seconds(nats: NatsServer) -> None:
    async with owner(nats, "a") as one:
        async with await connect("room", BusSettings(url=nats.url)) as bus:
            other = Owner(bus, "b")
            await other.leases.__aenter__()
            await eventually(lambda: len(one.told) == len(other.told) == 8)
            await bus.nc.close()
        await eventually(lambda: len(one.told) == 16)
        await eventually(lambda: not other.told)
        await end(*other.leases._tasks)


@pytest.mark.usefixtures("long_leases")
async def test_a_process_that_starts_again_takes_its_own_back_at_once(nats: NatsServer) -> None:
    async with await connect("room", BusSettings(url=nats.url)) as bus:
        dead = Owner(bus, "a")
        await dead.leases.__aenter__()
        await eventually(lambda: dead.leases.lack() is None)
        await end(*dead.leases._tasks)
        async with owner(nats, "a") as reborn:
            await eventually(lambda: len(reborn.told) == 16)


async def test_nobody_holds_a_lease_that_nats_was_made_to_write(nats: NatsServer) -> None:
    stream, key = f"KV_{subjects.LEASES_BUCKET}", f"$KV.{subjects.LEASES_BUCKET}.room.3"
    async with owner(nats, "a") as one, await connect("tipping", BusSettings(url=nats.url)) as bus:
        await eventually(lambda: one.leases.lack() is None)
        body = json.dumps({"instance": "b", "boot": "of mine"}).encode()
        lie = await bus.js.publish(subjects.event("tipping", "x", "lie"), body, headers=mark("tipping"))
        for asked in ({"seq": lie.seq}, {"seq": lie.seq, "no_hdr": True}):
            before = (await bus.js.get_last_msg(stream, key)).seq or 0
            said = json.dumps(asked).encode()
            await bus.nc.publish(f"$JS.API.DIRECT.GET.{subjects.EVENTS_STREAM}", said, reply=key)

            async def renewed(before: int = before) -> bool:
                last = await bus.js.get_last_msg(stream, key)
                return (last.seq or 0) > before + 1 and json.loads(last.data or b"{}").get("instance") == "a"

            await eventually(renewed)
            assert one.told == set(range(16)) == one.leases.held


async def test_a_lease_that_cannot_be_read_is_free_and_those_that_follow_are_still_seen(nats: NatsServer) -> None:
    async with owner(nats, "a") as one, await connect("room", BusSettings(url=nats.url)) as bus:
        await eventually(lambda: one.leases.lack() is None)
        await bus.js.publish(f"$KV.{subjects.LEASES_BUCKET}.room.3", b"[]", headers=mark("room"))
        async with owner(nats, "b") as other:
            await eventually(lambda: len(one.told) == len(other.told) == 8)
            assert one.told.isdisjoint(other.told)


async def test_the_owner_stays_the_owner_when_nats_is_killed_and_started_again(nats: NatsServer) -> None:
    async with owner(nats, "a") as one:
        await eventually(lambda: one.leases.lack() is None)
        nats.kill()
        nats.start()
        await eventually(lambda: len(one.told) == 16 and one.leases.lack() is None, within=20)


async def test_losing_nats_for_long_loses_the_partitions_until_it_is_back(nats: NatsServer) -> None:
    async with owner(nats, "a") as one:
        await eventually(lambda: one.leases.lack() is None)
        nats.kill()
        await eventually(lambda: not one.told)
        await asyncio.to_thread(nats.start)
        await eventually(lambda: len(one.told) == 16, within=20)
