"""The live bar at the ends of the follow graph, and search among many Spaces.

The graph goes straight into the read model. What is told goes the whole way: an event on NATS, the read model, the
watchers, and back over NATS to a follower of the stream, as the gateway is one.

The fan-out is on the reader's side: nothing is written for each follower of somebody who goes live. A bar is put
together when it is asked for, which 5,000 follows make some milliseconds long, and a change is told to those who look
at that moment. The other side, an entry for each of a million followers, is measured beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

from contracts import subjects
from contracts.discovery.v1 import BarChanged, SearchQuery
from contracts.envelope import Event, PersonRef, headers
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from services.discovery.app import LiveBars
from services.discovery.projection.directory import SpaceDirectory
from services.discovery.projection.search import Search
from tests.bench.harness import Reference, Row, quantile
from tests.support.events import START, Stream, created, ended, started
from tests.support.nats import running_nats

FOLLOWERS = 1_000_000
WATCHERS = 10_000
FOLLOWS = 5_000
LIVE = 2_000
SPACES = 50_000
SWOLLEN = 400_000
SEARCHES = 60
RUNS = 5

ODD = ("aardvark", "bandoneon", "calligraphy", "dulcimer", "espresso", "fjord", "glockenspiel", "hyacinth")


def someone(number: int) -> PersonRef:
    """Person number so and so."""
    return PersonRef(id=f"{number:026d}", handle=f"p{number}", name=f"P {number}")


STAR, FAN = someone(9_000_000), someone(9_000_001)


async def measure() -> list[Row]:
    """Bars first, then search; each on files of its own."""
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        return [*await _bars(Path(folder)), *await _search(Path(folder))]


# -- live bars -----------------------------------------------------------------------------------------------------


@dataclass
class _World:
    bus: Bus
    spaces: SpaceDirectory
    bars: LiveBars
    listener: asyncio.subprocess.Process

    async def publish(self, *events: Event) -> None:
        for event in events:
            told = headers(event, id=new_id(), source=event.context)
            await self.bus.js.publish(event.subject, event.model_dump_json().encode(), headers=told)

    async def hear(self, count: int) -> list[float]:
        """When each of so many changes of bars had arrived there (`time.perf_counter`, the same in all processes)."""
        heard: list[float] = []
        assert self.listener.stdout is not None
        async with asyncio.timeout(60):
            while len(heard) < count:
                at, number = (await self.listener.stdout.readline()).split()
                heard += [float(at)] * int(number)
        assert len(heard) == count, f"{len(heard)} instead of {count}"
        return heard


@contextlib.asynccontextmanager
async def _world(folder: Path) -> AsyncIterator[_World]:
    with running_nats() as server:
        async with (
            await connect("discovery", BusSettings(url=server.url)) as bus,
            SpaceDirectory(folder / "bars.db") as spaces,
        ):
            bars = LiveBars(spaces, bus.publish_events, watch_seconds=3600, max_watchers=WATCHERS + 1)
            spaces.on_applied.append(bars.changed)
            listener = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.bench.bench_discovery", server.url, stdout=subprocess.PIPE
            )
            world = _World(bus, spaces, bars, listener)
            tasks = [asyncio.create_task(spaces.run(bus)), asyncio.create_task(bars.tell())]
            await spaces.until(lambda: spaces.lack() is None)
            yield world
            for task in tasks:
                task.cancel()
            listener.kill()
            await listener.wait()


async def _listen(url: str) -> None:
    """Print when how many changes of bars arrived."""
    async with await connect("reader", BusSettings(url=url)) as bus:
        async for batch in bus.follow(filters=[subjects.events_of("discovery")], after=0):
            count = sum(len(received.event.people()) for received in batch)
            print(time.perf_counter(), count, flush=True)


async def _bars(folder: Path) -> list[Row]:
    async with _world(folder) as world:
        spaces = world.spaces
        with spaces.transaction():
            _follow(spaces, ((f"{number:026d}", STAR.id) for number in range(FOLLOWERS)))
            _follow(spaces, ((FAN.id, f"{number:026d}") for number in range(FOLLOWS)))
        # Of the fan's 5,000 every fiftieth is live; the others who are live are nobody they follow.
        hosts = [*range(0, FOLLOWS, 50), *range(FOLLOWS, FOLLOWS + LIVE - FOLLOWS // 50)]
        ids = {number: new_id() for number in hosts}
        await world.publish(*(created(ids[number], someone(number)) for number in hosts))
        await world.publish(*(started(ids[number], someone(number)) for number in hosts))
        await _caught_up(world)
        reads = [_timed(lambda: world.bars.bar(FAN.id, 50)) for _ in range(100)]
        shown = len(spaces.live_bar(FAN.id, 1000))
        assert shown == FOLLOWS // 50, shown
        for number in range(FOLLOWS, FOLLOWS + WATCHERS):
            world.bars.bar(f"{number:026d}", 50)
        await _caught_up(world)

        one = [await _tell(world, someone(49), 1) for _ in range(RUNS)]
        everybody, held_up = [], 0.0
        for _ in range(RUNS):
            async with _loop_held_up() as held:
                everybody.append(await _tell(world, STAR, WATCHERS))
            held_up = max(held_up, *held)
        floor = quantile([await _floor(world) for _ in range(3)], 0.5)
        entries = _timed(lambda: _entry_for_each(spaces))
    graph = f"{FOLLOWERS:,} follow one, one follows {FOLLOWS:,}, {LIVE:,} live Spaces"
    watching = f"{graph}; {WATCHERS:,} look at their bar; over NATS, all on this machine"
    bare = Reference("a message for each of them, with nothing to decide, seconds", floor)
    return [
        Row(f"live bar of a person who follows {FOLLOWS:,}, p99", quantile(reads, 0.99) * 1000, "ms",
            f"{shown} of theirs are live; {graph}"),
        Row(f"somebody starts until one who follows {FOLLOWS:,} is told, p50", quantile([t[-1] for t in one], 0.5), "s",
            watching),
        Row(f"one with {FOLLOWERS:,} followers starts until the last of {WATCHERS:,} is told, p50",
            quantile([t[-1] for t in everybody], 0.5), "s", watching, bare),
        Row(f"one with {FOLLOWERS:,} followers starts until half of {WATCHERS:,} are told, p50",
            quantile([t[len(t) // 2] for t in everybody], 0.5), "s", watching),
        Row("the other side: an entry for each follower, before anybody is told", entries, "s", graph),
        Row("longest time for which telling them held up the loop", held_up * 1000, "ms", watching),
    ]  # fmt: skip


def _follow(spaces: SpaceDirectory, pairs: Iterable[tuple[str, str]]) -> None:
    spaces.db.executemany("INSERT INTO follows VALUES (?, ?)", pairs)


async def _caught_up(world: _World) -> None:
    """Until the read model has everything, and the watchers too."""
    last = (await world.bus.js.get_last_msg(subjects.EVENTS_STREAM, subjects.events_of("room"))).seq or 0
    async with asyncio.timeout(60):
        while world.bars.busy or world.spaces.sequence < last:
            await asyncio.sleep(0.01)


async def _floor(world: _World) -> float:
    """Seconds until a message for each person, with nothing to decide, has arrived in the same way."""
    (card,) = world.spaces.live_bar(f"{0:026d}", 1)
    events = [
        (BarChanged(at=START, person_id=f"{number:026d}", space_id=card.id, card=card), new_id())
        for number in range(WATCHERS)
    ]
    began = time.perf_counter()
    for first in range(0, WATCHERS, 500):
        await world.bus.publish_events(events[first : first + 500])
    return (await world.hear(WATCHERS))[-1] - began


async def _tell(world: _World, host: PersonRef, count: int) -> list[float]:
    """Seconds from the start of a Space until each was told; then it ends, and they are told that too."""
    space = new_id()
    await world.publish(created(space, host))
    began = time.perf_counter()
    await world.publish(started(space, host))
    heard = await world.hear(count)
    await world.publish(ended(space, version=3))
    await world.hear(count)
    return [at - began for at in heard]


@contextlib.asynccontextmanager
async def _loop_held_up() -> AsyncIterator[list[float]]:
    held = [0.0]

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            held[0] = max(held[0], time.perf_counter() - before)
            await asyncio.sleep(0.001)

    watching = asyncio.create_task(watch())
    yield held
    watching.cancel()


def _entry_for_each(spaces: SpaceDirectory) -> None:
    """The other side: the bar of each follower gets an entry."""
    with spaces.transaction():
        spaces.db.execute(
            "CREATE TABLE bars (person_id TEXT, space_id TEXT, PRIMARY KEY (person_id, space_id)) WITHOUT ROWID"
        )
        spaces.db.execute("INSERT INTO bars SELECT person_id, 'x' FROM follows WHERE followee_id = ?", (STAR.id,))


# -- search --------------------------------------------------------------------------------------------------------


async def _search(folder: Path) -> list[Row]:
    chance = random.Random(3)
    letters = "abcdefghijklmnopqrstuvwxyz"
    common = ["".join(chance.choices(letters, k=chance.randint(3, 9))) for _ in range(3000)]
    path = folder / "search.db"
    async with SpaceDirectory(path) as spaces, Search(path, seconds=30) as search:
        stream = Stream()
        for first in range(0, SPACES, 1000):
            events: list[Event] = []
            for number in range(first, first + 1000):
                words = [*chance.choices(common, k=4), ODD[number % 8] if number % 500 < 8 else "tea"]
                events.append(created(new_id(), someone(number % 5000), title=" ".join(words)[:70]))
            spaces.take(stream.receive(*events), "e")

        async def seconds(words: Iterable[str]) -> list[float]:
            took = []
            for one in words:
                began = time.perf_counter()
                await search.find(SearchQuery(words=one, state="all"))
                took.append(time.perf_counter() - began)
            return took

        exact = await seconds(ODD[n % 8] for n in range(SEARCHES))
        beginning = await seconds(ODD[n % 8][:4] for n in range(SEARCHES))
        misspelt = await seconds(ODD[n % 8][:3] + "x" + ODD[n % 8][4:] for n in range(SEARCHES))
        broad = await seconds("tea" for _ in range(10))
        listed = await seconds("" for _ in range(SEARCHES))
        _swell(spaces)
        swollen = await seconds("tea" for _ in range(10))
        scan = _timed(lambda: spaces.db.execute("SELECT id FROM spaces WHERE space LIKE '%glockenspiel%'").fetchall())
    conditions = f"{SPACES:,} Spaces with five words each, SQLite FTS5, one search at a time"
    broader = Row(
        "search, a word that 400,000 have, p99",
        quantile(swollen, 0.99) * 1000,
        "ms",
        f"{SWOLLEN:,} Spaces that nearly all have it, of which 30,000 and the live ones are ranked",
        Reference("the same word in 50,000 Spaces, ms", quantile(broad, 0.99) * 1000),
    )
    reference = Reference("every row looked through with LIKE, ms", scan * 1000)
    return [
        broader,
        *(Row(f"search, {name}, p99", quantile(took, 0.99) * 1000, "ms", conditions, reference)
        for name, took in (
            ("a word", exact), ("the beginning of a word", beginning), ("a word with a slip", misspelt),
            ("a word that nearly all have", broad), ("no word: the first page of all", listed),
        )),
    ]  # fmt: skip


def _swell(spaces: SpaceDirectory) -> None:
    """The same Spaces many times, under other ids."""
    columns = ", ".join(row[1] for row in spaces.db.execute("PRAGMA table_info(spaces)") if row[1] not in ("n", "id"))
    with spaces.transaction():
        for by in range(SPACES, SWOLLEN, SPACES):
            spaces.db.execute(
                f"INSERT INTO spaces (n, id, {columns})"
                f" SELECT n + :by, printf('%026d', n + :by), {columns} FROM spaces WHERE n <= {SPACES}",
                {"by": by},
            )
            spaces.db.execute(
                "INSERT INTO words (rowid, title, topics, people)"
                f" SELECT rowid + :by, title, topics, people FROM words WHERE rowid <= {SPACES}",
                {"by": by},
            )


def _timed(work: object) -> float:
    assert callable(work)
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    asyncio.run(_listen(sys.argv[1]))
