"""A Space of 10,000 events from its stored events, beside the plain library doing the same."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop

from libs.database import Database, Place
from libs.eventstore import Order, open_recorder, open_store, rebuild
from libs.ids import new_id
from services.room.domain.limits import Limits
from services.room.domain.space import Space
from services.room.domain.values import Person, Settings
from tests.bench import plain
from tests.bench.harness import Reference, Row, quantile
from tests.support.postgres import binaries, running_postgres

EVENTS = 10_000
RUNS = 7
NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def measure() -> list[Row]:
    """Median of several openings, each with a connection of its own."""
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        rows = await _opened(lambda name: Path(folder) / f"{name}.db", "SQLite, file in the page cache")
    if binaries() is not None:
        with running_postgres() as server:
            in_postgres = await _opened(
                lambda name: Database(server.new_database(), name), "PostgreSQL on the same machine"
            )
        rows += [replace(row, name=f"{row.name}, PostgreSQL") for row in in_postgres]
    return rows


async def _opened(place: Callable[[str], Place], where: str) -> list[Row]:
    here, there = place("room"), place("plain")
    space_id = await _fill(here)

    def ours() -> None:
        recorder = open_recorder(here, read_only=True)
        space = rebuild(recorder, space_id, Space)
        recorder.close()
        assert space.version == EVENTS

    plain_id = await asyncio.to_thread(plain.fill, there, EVENTS)

    def plainly() -> None:
        with plain.application(there) as application:
            aggregate: plain.Microphone = application.repository.get(plain_id)
            assert aggregate.version == EVENTS

    kept = [await asyncio.to_thread(uvloop.run, _from_snapshot(here, space_id)) for _ in range(RUNS)]
    mine, theirs = _median(ours), _median(plainly, 3)
    conditions = f"{EVENTS:,} events, {where}, median of {RUNS}"
    beside = "plain eventsourcing, JSON, the same number of events, median of 3"
    return [
        Row(
            "opening a Space of 10,000 events from its stored events", mine * 1000, "ms", conditions,
            Reference(beside, theirs * 1000),
        ),
        Row(
            "opening a Space of 10,000 events from its snapshot", quantile(kept, 0.5) * 1000, "ms",
            f"{conditions}, taken at the last event (one is, every 200), the store open, nothing in memory",
            Reference("from its stored events", mine * 1000),
        ),
        Row("rebuild, events per second", EVENTS / mine, "/s", conditions, Reference(beside, EVENTS / theirs)),
    ]  # fmt: skip


async def _from_snapshot(place: Place, space_id: str) -> float:
    """Seconds of the first look at the Space by a store that was just opened."""
    async with open_store(place, Space) as store:
        await store.read(new_id(), _none)  # the thread that reads, and its connection, are there
        began = time.perf_counter()
        version = await store.read(space_id, lambda space: space.version)
        seconds = time.perf_counter() - began
        assert version == EVENTS
        return seconds


async def _fill(place: Place) -> str:
    """A host whose microphone goes on and off until there are EVENTS events."""
    host = Person(new_id())
    limits = Limits(stage=13, schedule_ahead=timedelta(days=30))
    settings = Settings(title="Bench", topics=(), lang="en", recorded=False, captions=False,
                        who_can_join="everyone", who_can_speak="invited")  # fmt: skip
    space_id = new_id()
    async with open_store(place, Space) as store:

        def order() -> Order:
            return Order(id=new_id(), actor=host.id, at=NOW)

        await store.execute(
            space_id, order(), lambda s: s.create(host, settings, scheduled_start=None, now=NOW, limits=limits), _none
        )
        version = (await store.execute(space_id, order(), lambda s: [], lambda s: s.version)).version
        for first in range(version, EVENTS, 200):
            await asyncio.gather(
                *(
                    store.execute(
                        space_id,
                        order(),
                        lambda s: (
                            s.unmute(host.id, host.id) if s.version % 2 == version % 2 else s.mute(host.id, host.id)
                        ),
                        _none,
                    )
                    for _ in range(first, min(first + 200, EVENTS))
                )
            )
    return space_id


def _none(_: Space) -> None:
    """No answer is wanted."""


def _median(work: Callable[[], None], runs: int = RUNS) -> float:
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return quantile(seconds, 0.5)
