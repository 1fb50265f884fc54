"""Analytics killed, and the stream lost under it."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

import pytest

from contracts import subjects
from contracts.presence import v1 as presence
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from tests.integration.analytics.asking import figures, publish
from tests.support.events import at
from tests.support.nats import NatsServer, running_nats
from tests.support.service_process import ServiceProcess
from tests.support.waiting import beats, eventually


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("test", BusSettings(url=server.url)) as bus:
        yield bus


@pytest.fixture
async def analytics(server: NatsServer) -> AsyncIterator[ServiceProcess]:
    env = server.env | {"ROSTRUM_ANALYTICS_INSERT_EVERY": "0"}
    async with ServiceProcess("analytics", env) as process:
        yield process


def clap(space: str) -> presence.Reacted:
    return presence.Reacted(space_id=space, at=at(1), counts={"clap": 1}, window_ms=250)


async def test_killed_while_it_inserts_it_loses_nothing_and_counts_nothing_twice(
    bus: Bus, analytics: ServiceProcess
) -> None:
    """Killed in the middle of a flow of events; all of them are counted, each once."""
    space = new_id()
    published = 0

    async def flow(enough: asyncio.Event) -> None:
        nonlocal published
        async for _ in beats(0.01):
            if enough.is_set():
                return
            await publish(bus, *(clap(space) for _ in range(10)))
            published += 10

    await figures(bus, space)  # it runs
    enough = asyncio.Event()
    flowing = asyncio.create_task(flow(enough))
    while "clap" not in (await figures(bus, space)).reactions:
        pass
    analytics.kill()
    enough.set()
    await flowing
    await analytics.start()
    last = await bus.last_sequence()
    while (answer := await figures(bus, space)).through_sequence < last:
        pass
    assert answer.reactions == {"clap": published}


async def test_a_stream_that_was_rebuilt_is_not_counted_again(bus: Bus, analytics: ServiceProcess) -> None:
    """A relay publishes its events again, under the same ids; facts of the moment are gone from the stream for good,
    but stay in the tables."""
    space, ids = new_id(), [new_id() for _ in range(20)]
    events = [clap(space) for _ in ids]
    last = await publish(bus, *events, ids=ids)
    while (answer := await figures(bus, space)).through_sequence != last:
        pass
    assert answer.reactions == {"clap": 20}
    await bus.js.delete_stream(subjects.EVENTS_STREAM)
    await bus.declare()
    last = await publish(bus, clap(space), *events[10:], ids=[new_id(), *ids[10:]])
    while (answer := await figures(bus, space)).through_sequence != last:
        pass
    assert answer.reactions == {"clap": 21}


async def as_an_older_version_left_it(server: NatsServer, *statements: str) -> None:
    """Change the tables of an analytics service that does not run; the engine lives in a process of its own."""
    code = (
        "import sys, clickhouse_connect; from services.analytics.settings import Settings; import os;"
        "client = clickhouse_connect.get_client(dsn=Settings.read(os.environ).dsn);"
        "[client.command(one) for one in sys.argv[1:]]"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, *statements, env={**os.environ, **server.env}, stderr=PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


@pytest.mark.parametrize("noted", [True, False])
async def test_what_an_older_version_passed_over_is_counted_after_the_upgrade(
    server: NatsServer, bus: Bus, analytics: ServiceProcess, noted: bool
) -> None:
    space = new_id()
    await publish(bus, clap(space), presence.Counted(at=at(2), space_id=space, listeners=3, on_stage=1), clap(space))
    while (await figures(bus, space)).reactions != {"clap": 2}:
        pass
    assert await analytics.stop() == 0
    # One that knew no reactions has acknowledged them, and has no row of them.
    await as_an_older_version_left_it(
        server,
        "ALTER TABLE engagement DELETE WHERE name = 'reacted' SETTINGS mutations_sync = 2",
        "CREATE TABLE older AS known_types",
        "INSERT INTO older SELECT at, arrayFilter(type -> type != 'presence.reacted', types) FROM known_types",
        "DROP TABLE known_types",
        *(["RENAME TABLE older TO known_types"] if noted else ["DROP TABLE older"]),
    )
    await analytics.start()

    async def counted() -> bool | None:
        return (await figures(bus, space)).reactions == {"clap": 2} or None

    await eventually(counted)
    await publish(bus, clap(space))
    while (answer := await figures(bus, space)).through_sequence < 4:
        pass
    assert answer.reactions == {"clap": 3}


async def test_it_stops_in_order(bus: Bus, analytics: ServiceProcess) -> None:
    space = new_id()
    await publish(bus, clap(space))
    await figures(bus, space)
    assert await analytics.stop() == 0
