"""Durable commands: decided, committed to SQLite, answered; the plain `eventsourcing` beside it in the same run."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import httpx
import psutil
import uvloop
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from contracts import subjects
from contracts.room import v1 as room
from infra.launcher import System
from libs.bus import Bus, BusSettings, connect
from libs.eventstore import Order, Store, digest_of, open_store
from libs.ids import new_id
from services.room.app import Spaces
from services.room.domain import Limits, Person, Settings, Space
from services.room.projection import People
from tests.bench.bench_command import Live
from tests.bench.harness import Reference, Row, quantile

RUNS = 3
IN_FLIGHT = 200
COMMANDS = 10_000
"""Commands of one run at the application layer."""
PLAIN_COMMANDS = 600
ASKED = 4_000
"""Commands of one run through NATS."""
MANY = 200
PACED = 500
"""Commands a second where the time of one is measured through NATS."""
CLIENTS = 20
HOST = Person(id=new_id(), handle="host", name="Host")
LIMITS = Limits(stage=13, schedule_ahead=timedelta(days=30))


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians of several runs."""

    rate: float
    """Commands per second."""
    p50: float
    """Seconds of one command."""
    p99: float
    cpu: float
    """Seconds of CPU per second, of the process that decides and writes."""

    def spent(self) -> str:
        """What it cost, which a busy machine changes less than the rate."""
        return f"its process got {self.cpu:.0%} of a core, {self.cpu / self.rate * 1e6:.0f} us of CPU a command"


async def measure() -> list[Row]:
    """The application layer first, then NATS and the real service, then its clients' sockets."""
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        plain, plain_kept = await asyncio.to_thread(_plain, Path(folder))
        # On a loop like the services', in a thread of its own.
        hot = await asyncio.to_thread(uvloop.run, _application(Path(folder), 1))
        many = await asyncio.to_thread(uvloop.run, _application(Path(folder), MANY))
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        async with System(Path(folder), gateway_port=0, services=("room", "people", "gateway")) as system:
            asked = await _through_nats(system)
    runs = f"median of {RUNS} runs of {COMMANDS:,}, {IN_FLIGHT} in flight, SQLite, WAL, synchronous FULL"
    plainly = Reference(f"plain eventsourcing, its defaults, {MANY} aggregates: get, decide, save", plain)
    kept = Reference("plain eventsourcing, the aggregate kept in memory: decide, save", plain_kept)
    return [
        Row("durable commands per second, application layer, one hot Space", hot.rate, "/s",
            f"{runs}; {hot.spent()}", plainly),
        Row("durable commands per second, application layer, many Spaces", many.rate, "/s",
            f"{runs}, {MANY} Spaces; {many.spent()}", plainly),
        Row("commands of one hot Space, beside the plain library", hot.rate, "/s", runs, plainly),
        Row("commands of one hot Space, beside the plain library that keeps it in memory", hot.rate, "/s", runs, kept),
        Row("command p99, application layer, 200 in flight", many.p99 * 1000, "ms", f"{runs}, {MANY} Spaces"),
        *asked,
    ]  # fmt: skip


# -- the application layer -------------------------------------------------------------------------------------


async def _application(folder: Path, spaces: int) -> Figures:
    async with (
        open_store(folder / f"room-{spaces}.db", Space) as store,
        People(folder / f"people-{spaces}.db") as known,
    ):
        app = Spaces(store, known, LIMITS, person_wait=0.0)
        ids = [await _create(store) for _ in range(spaces)]
        names = [new_id() for _ in range(RUNS * COMMANDS)]
        ticket = itertools.count()

        async def command() -> None:
            number = next(ticket)
            space, turn = ids[number % spaces], number // spaces % 2
            order = Order(
                id=names[number], actor=HOST.id, at=datetime.now(UTC), digest=digest_of("switch", space, turn)
            )
            switch = app.mute if turn else app.unmute
            await switch(order, space, HOST.id, _version)

        before = await store.last_notification()
        figures = await _runs(command, COMMANDS, psutil.Process())
        assert await store.last_notification() == before + RUNS * COMMANDS, "every command is one stored fact"
        return figures


def _version(space: Space) -> int:
    return space.version


async def _create(store: Store[Space]) -> str:
    settings = Settings(title="Bench", topics=(), lang="en", recorded=False, captions=False,
                        who_can_join="everyone", who_can_speak="invited")  # fmt: skip
    space_id, now = new_id(), datetime.now(UTC)
    await store.execute(
        space_id,
        Order(id=new_id(), actor=HOST.id, at=now),
        lambda s: s.create(HOST, settings, scheduled_start=None, now=now, limits=LIMITS),
        _version,
    )
    return space_id


async def _runs(command: Callable[[], Awaitable[None]], count: int, process: psutil.Process) -> Figures:
    """`count` commands, IN_FLIGHT at a time, RUNS times."""
    rates, halves, slow, cpu = [], [], [], []
    for _ in range(RUNS):
        left = itertools.repeat(None, count)
        took: list[float] = []

        async def worker(left: itertools.repeat[None], took: list[float]) -> None:
            for _ in left:
                began = time.perf_counter()
                await command()
                took.append(time.perf_counter() - began)

        used, began = _cpu(process), time.perf_counter()
        await asyncio.gather(*(worker(left, took) for _ in range(IN_FLIGHT)))
        seconds = time.perf_counter() - began
        rates.append(count / seconds)
        halves.append(quantile(took, 0.5))
        slow.append(quantile(took, 0.99))
        cpu.append((_cpu(process) - used) / seconds)
    return Figures(*(quantile(values, 0.5) for values in (rates, halves, slow, cpu)))


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


# -- the plain library -----------------------------------------------------------------------------------------


class Microphone(Aggregate):
    """What the plain library decides on."""

    @event("Created")
    def __init__(self, host: str) -> None:
        self.host = host
        self.muted = True

    @event("Switched")
    def switch(self, muted: bool, person_id: str) -> None:
        self.muted = muted


def _plain(folder: Path) -> tuple[float, float]:
    """Commands per second: as its examples do it, and with the aggregate kept in memory."""
    settings = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "plain.db")}
    with Application[UUID]({**os.environ, **settings}) as application:
        microphones = [Microphone(host=HOST.id) for _ in range(MANY)]
        application.save(*microphones)
        kept = Microphone(host=HOST.id)
        application.save(kept)

        def by_the_book(number: int) -> None:
            microphone: Microphone = application.repository.get(microphones[number % MANY].id)
            microphone.switch(muted=number // MANY % 2 == 0, person_id=HOST.id)
            application.save(microphone)

        def from_memory(number: int) -> None:
            kept.switch(muted=number % 2 == 0, person_id=HOST.id)
            application.save(kept)

        return _rate(by_the_book), _rate(from_memory)


def _rate(command: Callable[[int], None]) -> float:
    rates = []
    for _ in range(3):
        began = time.perf_counter()
        for number in range(PLAIN_COMMANDS):
            command(number)
        rates.append(PLAIN_COMMANDS / (time.perf_counter() - began))
    return quantile(rates, 0.5)


# -- NATS and the real service ---------------------------------------------------------------------------------


async def _through_nats(system: System) -> list[Row]:
    """Commands as the gateway sends them, to the one process of room; and how long until a client has the event."""
    user, password = system.credentials("gateway")
    nobody = BusSettings(url=system.nats_url, user=user, password=password)
    process = psutil.Process(system.pid("room"))
    async with await connect("gateway", nobody) as bus:
        host = await _register(system)
        hot = await _open(bus, host, 1)
        many = await _open(bus, host, MANY)
        one = await _runs(_asking(bus, host, hot), ASKED, process)
        all_ = await _runs(_asking(bus, host, many), ASKED, process)
        floor = await _runs(_echo(bus), ASKED, process)
        times = await _paced(_asking(bus, host, many))
        heard = await _heard(system, bus, host, hot[0])
    runs = (
        f"median of {RUNS} runs of {ASKED:,}, {IN_FLIGHT} in flight, one room process, SQLite; "
        "client and NATS on the same cores"
    )
    echo = Reference("the same requests to a query that only answers", floor.rate)
    return [
        Row("durable commands per second, through NATS and the real handler, one hot Space", one.rate, "/s",
            f"{runs}; {one.spent()}", echo),
        Row("durable commands per second, through NATS and the real handler, many Spaces", all_.rate, "/s",
            f"{runs}, {MANY} Spaces; {all_.spent()}", echo),
        Row("command p50 through NATS", quantile(times, 0.5) * 1000, "ms", f"{PACED} a second, {MANY} Spaces"),
        Row("command p99 through NATS", quantile(times, 0.99) * 1000, "ms", f"{PACED} a second, {MANY} Spaces"),
        Row("from a command, sent, to a connected client's socket, p99", quantile(heard, 0.99) * 1000, "ms",
            f"{CLIENTS} clients of one Space, the last of them, {len(heard)} commands; deciding and commit are in it",
            Reference("p50", quantile(heard, 0.5) * 1000)),
    ]  # fmt: skip


async def _register(system: System) -> str:
    async with httpx.AsyncClient(base_url=system.url, timeout=10) as http:
        made = (await http.post("/v1/people", json={"handle": "host", "name": "Host"})).raise_for_status()
    return str(made.json()["person"]["id"])


async def _open(bus: Bus, host: str, count: int) -> list[str]:
    spaces = [new_id() for _ in range(count)]
    settings = room.Settings(title="Bench")
    for space in spaces:
        await bus.ask(room.CreateSpace(command_id=new_id(), actor=host, space_id=space, settings=settings), timeout=15)
    return spaces


def _asking(bus: Bus, host: str, spaces: list[str]) -> Callable[[], Awaitable[None]]:
    """One command after another, a microphone on and off, encoded beforehand so that the client costs little."""
    ticket = itertools.count()
    kinds = (room.Unmute, room.Mute)
    ready = []
    for kind in kinds:
        for space in spaces:
            made = kind(command_id="0" * 26, actor=host, space_id=space, person_id=host)
            ready.append((made.subject(bus.route_of(made)), made.model_dump_json().encode()))

    async def command() -> None:
        number = next(ticket)
        subject, body = ready[number % len(ready)]
        reply = await bus.nc.request(subject, body.replace(b"0" * 26, new_id().encode()), timeout=30)
        assert reply.data.startswith(b'{"outcome":"accepted"'), reply.data

    return command


def _echo(bus: Bus) -> Callable[[], Awaitable[None]]:
    query = room.TopicsQuery()
    subject, body = query.subject(subjects.ANY), query.model_dump_json().encode()

    async def ask() -> None:
        await bus.nc.request(subject, body, timeout=30)

    return ask


async def _paced(command: Callable[[], Awaitable[None]]) -> list[float]:
    """Seconds of each command, begun PACED a second whether or not the last has been answered."""
    took: list[float] = []

    async def timed(due: float) -> None:
        await command()
        took.append(time.perf_counter() - due)

    began, work = time.perf_counter(), []
    for number in range(PACED * 4):
        due = began + number / PACED
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        work.append(asyncio.create_task(timed(due)))
    await asyncio.gather(*work)
    return took


async def _heard(system: System, bus: Bus, host: str, space: str) -> list[float]:
    """Seconds from each command's sending until the last client has its event."""
    command, heard = _asking(bus, host, [space]), []
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Live(system.url, space)) for _ in range(CLIENTS)]
        for number in range(200):
            began = time.perf_counter()
            name = "room.muted" if number % 2 else "room.unmuted"
            waiting = [asyncio.create_task(client.hear(name)) for client in clients]
            await command()
            async with asyncio.timeout(10):
                heard.append(max(await asyncio.gather(*waiting)) - began)
    return heard
