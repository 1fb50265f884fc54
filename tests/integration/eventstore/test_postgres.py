"""What only PostgreSQL does: to be away, to be locked by others, to be made by two at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import psycopg
import pytest

from libs.database import Database
from libs.eventstore import open_recorder, open_store, rebuild
from libs.refusal import Refusal
from tests.integration.eventstore.counting import Counter, add
from tests.support.places import execute
from tests.support.postgres import HOW_TO_GET_IT, PostgresServer, binaries, running_postgres
from tests.support.waiting import eventually, standstill


@pytest.fixture
def own() -> Iterator[PostgresServer]:
    """A server that may be stopped."""
    if binaries() is None:
        pytest.skip(f"no PostgreSQL: {HOW_TO_GET_IT}")
    with running_postgres() as server:
        yield server


async def test_while_it_is_away_commands_are_refused_for_now_and_then_go_on(own: PostgresServer) -> None:
    async with open_store(Database(own.new_database(), "count"), Counter) as store:
        assert await add(store, "c", 1, "1") == 1
        own.stop()
        for wanted in (lambda: add(store, "c", 1, "2"), lambda: store.notifications(0), lambda: store.load("c")):
            with pytest.raises(Refusal) as no:
                await wanted()
            assert (no.value.reason, no.value.retry) == ("unavailable", True)
        with pytest.raises(Refusal, match="unavailable"):
            store.claimed("handle", "ann")
        assert store.trouble() is not None
        own.start()

        async def goes_on() -> int | None:
            try:
                return await add(store, "c", 1, "2")
            except Refusal:
                return None  # it is tried a few times a second

        assert await eventually(goes_on) == 2
        assert [n.version for n in await store.notifications(0)] == [1, 2]
        assert store.trouble() is None


async def test_a_restart_between_two_commands_is_not_noticed(own: PostgresServer) -> None:
    async with open_store(Database(own.new_database(), "count"), Counter) as store:
        assert await add(store, "c", 1, "1") == 1
        own.stop()
        own.start()
        assert await add(store, "c", 1, "2") == 2
        assert store.claimed("handle", "ann") is None


async def _told_at_the_start(place: Database) -> str:
    async with standstill() as stood:
        started = time.monotonic()
        with pytest.raises(OSError, match=r"postgresql://rostrum@127\.0\.0\.1:\d+/test1 \(schema count\)") as no:
            async with open_store(place, Counter):
                pass
        assert time.monotonic() - started < 15 + stood(), "not the 30 s of its pool"
    return str(no.value)


async def test_one_that_cannot_be_opened_is_named_in_one_line_without_the_password(own: PostgresServer) -> None:
    place = Database(own.new_database(), "count")
    with pytest.raises(FileNotFoundError, match=r"there is no event store at .*schema count"):
        open_recorder(place, read_only=True)
    refused = await _told_at_the_start(Database(place.url.replace("secret", "hush"), "count"))
    own.stop()
    away = await _told_at_the_start(place)
    for text in (refused, away):
        assert "\n" not in text
        assert "secret" not in text
        assert "hush" not in text


async def test_a_locked_table_refuses_for_now_and_recovers(postgres: PostgresServer) -> None:
    place = Database(postgres.new_database(), "count")
    async with open_store(place, Counter) as store:
        await add(store, "c", 1, "1")
        with psycopg.connect(place.url) as other:
            other.execute("LOCK TABLE count.stored_events IN EXCLUSIVE MODE")
            with pytest.raises(Refusal) as no:
                await add(store, "c", 1, "2")
            assert no.value.retry
            assert store.trouble() is not None
        assert await add(store, "c", 1, "2") == 2
        assert store.trouble() is None


async def test_several_processes_may_make_it_at_once_and_services_share_a_database(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    made = await asyncio.gather(
        *(asyncio.to_thread(open_recorder, Database(url, schema)) for schema in ("room", "people") for _ in range(6))
    )
    for recorder in made:
        recorder.close()
    async with (
        open_store(Database(url, "room"), Counter) as room,
        open_store(Database(url, "people"), Counter) as people,
    ):
        await add(room, "c", 1, "1")
        await add(people, "c", 5, "1")
        assert [(await store.load("c")).sum for store in (room, people)] == [1, 5]


async def test_reading_only_writes_nothing(postgres: PostgresServer) -> None:
    place = Database(postgres.new_database(), "count")
    async with open_store(place, Counter) as store:
        await add(store, "c", 3, "1")
    recorder = open_recorder(place, read_only=True)
    assert rebuild(recorder, "c", Counter).sum == 3
    assert execute(place, "SELECT count(*) FROM commands") == [(1,)]
    recorder.close()
