"""Partitions have one owner, shared fairly, taken over when an owner is gone."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from nats.js.errors import Error as JetStreamError

from contracts import subjects
from libs.aio import end
from libs.bus import Bus, BusSettings, Leases, connect
from libs.bus.declare import declare, streams
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
        await eventually(lambda: len(one.told) == 16 and one.leases.lack() is None)


async def test_losing_nats_for_long_loses_the_partitions_until_it_is_back(nats: NatsServer) -> None:
    async with owner(nats, "a") as one:
        await eventually(lambda: one.leases.lack() is None)
        nats.kill()
        await eventually(lambda: not one.told)
        await asyncio.to_thread(nats.start)
        await eventually(lambda: len(one.told) == 16)


async def test_whoever_writes_a_key_of_a_bucket_removes_no_other_with_it(nats: NatsServer) -> None:
    leases = f"$KV.{subjects.LEASES_BUCKET}"
    async with owner(nats, "a") as one, await connect("gateway", BusSettings(url=nats.url)) as bus:
        await eventually(lambda: one.leases.lack() is None)
        for config in streams():
            assert not config.allow_rollup_hdrs
        for kind in ("all", "sub"):
            with pytest.raises(JetStreamError):
                await bus.js.publish(
                    f"{leases}.gateway.connection.x", b"n", headers=mark("gateway", {"Nats-Rollup": kind})
                )
        lease = await bus.js.get_last_msg(f"KV_{subjects.LEASES_BUCKET}", f"{leases}.room.3")
        assert json.loads(lease.data or b"{}")["instance"] == "a"


async def test_a_bucket_of_the_version_before_takes_roll_ups_no_more(nats: NatsServer) -> None:
    async with await connect("room", BusSettings(url=nats.url)) as bus:
        for config in streams():
            if str(config.name).startswith("KV_"):
                await bus.js.update_stream(config.evolve(allow_rollup_hdrs=True, subject_delete_marker_ttl=60.0))
        assert not await declare(bus.js)
        for config in streams():
            now = (await bus.js.stream_info(str(config.name))).config
            assert not now.allow_rollup_hdrs
            assert not now.subject_delete_marker_ttl


@pytest.mark.usefixtures("long_leases")
async def test_whose_lease_nats_was_made_to_write_over_has_it_still_and_it_lapses_without_them(
    nats: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second process comes while nobody renews what NATS wrote over: it takes nothing before that would have
    lapsed."""
    prefix = f"$KV.{subjects.LEASES_BUCKET}.room."
    async with await connect("room", BusSettings(url=nats.url)) as bus:
        one = Owner(bus, "a")
        await one.leases.__aenter__()
        await eventually(lambda: one.leases.lack() is None)
        async with owner(nats, "b") as other:
            await eventually(lambda: len(one.told) == len(other.told) == 8)
            await end(*one.leases._tasks)  # it hangs
            for key in [str(partition) for partition in one.told] + ["member.a"]:
                await bus.nc.publish("$JS.API.STREAM.INFO.EVENTS", b"", reply=prefix + key)
            last = (await bus.js.stream_info(f"KV_{subjects.LEASES_BUCKET}")).state.last_seq
            await eventually(lambda: other.leases._seen >= last)
            await other.leases._balance()
            assert one.told.isdisjoint(other.told)
            monkeypatch.setattr("libs.bus.leases.TTL", 3)
            await eventually(lambda: len(other.told) == 16)
