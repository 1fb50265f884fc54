"""Durable commands: decided, committed, answered; the plain `eventsourcing` library beside it in the same run."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import httpx
import psutil
import uvloop

from contracts import subjects
from contracts.people import v1 as people
from contracts.room import v1 as room
from infra.launcher import System
from libs.bus import Bus, BusSettings, connect
from libs.commands import Executor
from libs.database import Database, Place
from libs.eventstore import Order, Store, digest_of, open_store
from libs.ids import new_id
from libs.keyring.client import Keyring
from libs.keyring.vault import Vault
from libs.service import settle
from services.room.app.admission import Admission
from services.room.domain.limits import Limits
from services.room.domain.space import Space
from services.room.domain.values import Person, Settings
from services.room.domain.written import WORDS
from services.room.handlers.commands import ordered
from services.room.projection.people import People
from tests.bench import plain
from tests.bench.bench_command import Live
from tests.bench.harness import Reference, Row, quantile
from tests.bench.requester import Requester
from tests.support.keys import served_keys
from tests.support.postgres import binaries, running_postgres

RUNS = 3
IN_FLIGHT = 200
COMMANDS = 10_000
"""Commands of one run at the application layer."""
ASKED = 8_000
"""Commands of one run through NATS."""
MANY = 200
PACED = 500
"""Commands a second where the time of one is measured through NATS."""
CLIENTS = 20
HOST = Person(new_id())
LIMITS = Limits(stage=13, schedule_ahead=timedelta(days=30))
_SETTINGS = {"ROSTRUM_ROOM_LIVE_LIMIT": "1000"}
"""One host has all Spaces, and each is live."""


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
        rows = await _decided(Path(folder), lambda name: Path(folder) / f"{name}.db", "SQLite, WAL, synchronous FULL")
    if binaries() is not None:
        with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder, running_postgres() as server:
            in_postgres = await _decided(
                Path(folder), lambda name: Database(server.new_database(), name), "PostgreSQL on the same machine"
            )
        rows += [replace(row, name=f"{row.name}, PostgreSQL") for row in in_postgres]
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        async with System(Path(folder), gateway_port=0, services=("room",), settings=_SETTINGS) as system:
            rows += await _by_itself(system)
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        services = ("room", "people", "gateway")
        async with System(Path(folder), gateway_port=0, services=services, settings=_SETTINGS) as system:
            rows += await _among_others(system)
    return rows


# -- the application layer -------------------------------------------------------------------------------------


async def _decided(folder: Path, place: Callable[[str], Place], where: str) -> list[Row]:
    plainly, kept = await asyncio.to_thread(plain.commands_per_second, place("plain"))
    # On a loop like the services', in a thread of its own.
    hot = await asyncio.to_thread(uvloop.run, _application(folder, place("hot"), 1))
    many = await asyncio.to_thread(uvloop.run, _application(folder, place("many"), MANY))
    runs = f"median of {RUNS} runs of {COMMANDS:,}, {IN_FLIGHT} in flight, {where}"
    by_the_book = Reference(f"plain eventsourcing, its defaults, {plain.MANY} aggregates: get, decide, save", plainly)
    from_memory = Reference("plain eventsourcing, the aggregate kept in memory: decide, save", kept)
    return [
        Row("durable commands per second, application layer, one hot Space", hot.rate, "/s",
            f"{runs}; {hot.spent()}", by_the_book),
        Row("durable commands per second, application layer, many Spaces", many.rate, "/s",
            f"{runs}, {MANY} Spaces; {many.spent()}", by_the_book),
        Row("commands of one hot Space, beside the plain library", hot.rate, "/s", runs, by_the_book),
        Row("commands of one hot Space, beside the plain library that keeps it in memory", hot.rate, "/s", runs,
            from_memory),
        Row("command p99, application layer, 200 in flight", many.p99 * 1000, "ms",
            f"{runs}, {MANY} Spaces; p50 {many.p50 * 1000:.1f} ms"),
    ]  # fmt: skip


async def _application(folder: Path, place: Place, spaces: int) -> Figures:
    async with open_store(place, Space) as store, People(folder / f"people-{spaces}.db") as known:
        vault = Vault(Keyring(cast(Bus, None), "bench"), WORDS, known.erased)  # nothing is asked for
        check = Admission(store, known, vault, person_wait=0.0).check
        executor = Executor(store, lambda: datetime.now(UTC), ordered, check=check, sealing=vault)
        ids = [await _create(store) for _ in range(spaces)]
        names = [new_id() for _ in range(RUNS * COMMANDS)]
        ticket = itertools.count()

        async def command() -> None:
            number = next(ticket)
            space, turn = ids[number % spaces], number // spaces % 2
            order = Order(
                id=names[number], actor=HOST.id, at=datetime.now(UTC), digest=digest_of("switch", space, turn)
            )
            switch = Space.mute if turn else Space.unmute
            await executor.execute(order, space, lambda it: switch(it, HOST.id, HOST.id), _version)

        async def run() -> list[float]:
            left, took = itertools.repeat(None, COMMANDS), list[float]()

            async def worker() -> None:
                for _ in left:
                    began = time.perf_counter()
                    await command()
                    took.append(time.perf_counter() - began)

            await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))
            return took

        before = await store.last_notification()
        with _like_a_service():
            figures = await _runs(run, psutil.Process())
        assert await store.last_notification() == before + RUNS * COMMANDS, "every command is one stored fact"
        return figures


@contextlib.contextmanager
def _like_a_service() -> Iterator[None]:
    """The interpreter as a running service has told it to behave."""
    switch, collect = sys.getswitchinterval(), gc.get_threshold()
    settle()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*collect)
        sys.setswitchinterval(switch)


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


async def _runs(run: Callable[[], Awaitable[list[float]]], process: psutil.Process) -> Figures:
    """Of `run`, RUNS times; it tells the seconds of each command."""
    rates, halves, slow, cpu = [], [], [], []
    for _ in range(RUNS):
        used, began = _cpu(process), time.perf_counter()
        took = await run()
        seconds = time.perf_counter() - began
        rates.append(len(took) / seconds)
        halves.append(quantile(took, 0.5))
        slow.append(quantile(took, 0.99))
        cpu.append((_cpu(process) - used) / seconds)
    return Figures(*(quantile(values, 0.5) for values in (rates, halves, slow, cpu)))


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


# -- NATS and the real service ---------------------------------------------------------------------------------


async def _by_itself(system: System) -> list[Row]:
    """Commands as the gateway sends them, to the one process of room, with NATS and the client on its cores."""
    user, password = system.credentials("people")
    async with await connect("people", BusSettings(url=system.nats_url, user=user, password=password)) as bus:
        now = datetime.now(UTC)
        known = people.Registered(at=now, version=1, person_id=HOST.id, handle="host", display_name="Host")
        await bus.publish_event(known)
        async with served_keys(bus), _asking(system) as (asking, requester):
            one, all_, floor = await _asked(system, asking, requester, HOST.id)
    beside = "client and NATS on the same cores"
    return [_through_nats("one hot Space", one, floor, beside), _through_nats("many Spaces", all_, floor, beside)]


async def _among_others(system: System) -> list[Row]:
    """The same with services that follow what happens; and how long until a client has the event."""
    async with _asking(system) as (bus, requester):
        host = await _register(system)
        one, all_, floor = await _asked(system, bus, requester, host)
        hot, many = Switch(bus, host, await _open(bus, host, 1)), Switch(bus, host, await _open(bus, host, MANY))
        times = await requester.pace(many.next(PACED * 4), PACED)
        heard = await _heard(system, requester, hot)
    beside = "client, NATS, people and gateway on the same cores"
    return [
        _through_nats("one hot Space, others beside it", one, floor, beside),
        _through_nats("many Spaces, others beside it", all_, floor, beside),
        Row("command p50 through NATS", quantile(times, 0.5) * 1000, "ms", f"{PACED} a second, {MANY} Spaces"),
        Row("command p99 through NATS", quantile(times, 0.99) * 1000, "ms", f"{PACED} a second, {MANY} Spaces"),
        Row("from a command, sent, to a connected client's socket, p99", quantile(heard, 0.99) * 1000, "ms",
            f"{CLIENTS} clients of one Space, the last of them, {len(heard)} commands; deciding and commit are in it",
            Reference("p50", quantile(heard, 0.5) * 1000)),
    ]  # fmt: skip


@contextlib.asynccontextmanager
async def _asking(system: System) -> AsyncIterator[tuple[Bus, Requester]]:
    """Connections as the gateway has them."""
    user, password = system.credentials("gateway")
    settings = BusSettings(url=system.nats_url, user=user, password=password)
    async with await connect("gateway", settings) as bus, Requester(system.nats_url, user, password) as requester:
        yield bus, requester


async def _asked(system: System, bus: Bus, requester: Requester, host: str) -> tuple[Figures, Figures, Figures]:
    """Commands to one Space, to many, and a query that only answers."""
    process = psutil.Process(system.pid("room"))
    topics = room.TopicsQuery()
    echo = [(topics.subject(subjects.ANY), topics.model_dump_json().encode())] * ASKED

    async def asked(spaces: int) -> Figures:
        switch = Switch(bus, host, await _open(bus, host, spaces)) if spaces else None
        ready = [switch.next(ASKED) if switch else echo for _ in range(RUNS)]
        return await _runs(lambda: requester.keep_in_flight(ready.pop(), IN_FLIGHT), process)

    return await asked(1), await asked(MANY), await asked(0)


def _through_nats(spaces: str, figures: Figures, floor: Figures, beside: str) -> Row:
    return Row(
        f"durable commands per second, through NATS and the real handler, {spaces}",
        figures.rate,
        "/s",
        f"median of {RUNS} runs of {ASKED:,}, {IN_FLIGHT} in flight, one room process, SQLite; {beside}; "
        f"many: {MANY} Spaces; {figures.spent()}",
        Reference("the same requests to a query that only answers", floor.rate),
    )


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


class Switch:
    """The host's microphone goes on in one Space after another, and off again: requests ready to be sent."""

    def __init__(self, bus: Bus, host: str, spaces: Sequence[str]) -> None:
        self.spaces = spaces
        made = [
            kind(command_id="0" * 26, actor=host, space_id=space, person_id=host)
            for kind in (room.Unmute, room.Mute)
            for space in spaces
        ]
        self._turns = itertools.cycle([(m.subject(bus.route_of(m)), m.model_dump_json().encode()) for m in made])

    def next(self, count: int) -> list[tuple[str, bytes]]:
        """The next requests, each with a command id of its own."""
        return [
            (subject, body.replace(b"0" * 26, new_id().encode()))
            for subject, body in itertools.islice(self._turns, count)
        ]


async def _heard(system: System, requester: Requester, switch: Switch) -> list[float]:
    """Seconds from each command's sending until the last client has its event."""
    heard = []
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(Live(system.url, switch.spaces[0])) for _ in range(CLIENTS)]
        for request in switch.next(200):
            name = "room.unmuted" if request[0].endswith(".unmute") else "room.muted"
            began = time.perf_counter()
            waiting = [asyncio.create_task(client.hear(name)) for client in clients]
            await requester.keep_in_flight([request], 1)
            async with asyncio.timeout(10):
                heard.append(max(await asyncio.gather(*waiting)) - began)
    return heard
