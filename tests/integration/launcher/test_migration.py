"""What `rostrum migrate` orders of the processes of one service, which share a store."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

import pytest

from infra.commands.migrate import Context
from libs.aio import end
from libs.bus import Bus, BusSettings, Unavailable, connect
from libs.database import Place
from libs.eventstore import Fact, Notification, Store, open_store
from libs.ids import new_id
from libs.keyring import Lock, Sealed, Tree, Words
from libs.migration import Migration, Put
from libs.readmodel import StoreModel
from tests.integration.eventstore.counting import Counter, Noted, order
from tests.support.nats import NatsServer, running_nats, settled
from tests.support.places import execute
from tests.support.waiting import LIMIT


class Texts(StoreModel):
    """All that was noted."""

    schema = "CREATE TABLE texts (place INTEGER PRIMARY KEY, text TEXT NOT NULL)"

    def apply(self, notification: Notification) -> None:
        if isinstance(fact := notification.fact, Noted):
            self.db.execute("INSERT INTO texts VALUES (?, ?)", (notification.id, fact.text))

    def all(self) -> list[str]:
        return [text for (text,) in self.db.execute("SELECT text FROM texts ORDER BY place")]


def today(notification: Notification, put: Put) -> Fact:
    """Words that begin like that are sealed; what is stored is the unit."""
    fact = notification.fact
    if not isinstance(fact, Noted) or not fact.text.startswith("plain"):
        return fact
    sealed: Words = put("space:s1", "unit", fact.text)
    return Noted(text=f"sealed {sealed.unit}") if isinstance(sealed, Sealed) else fact


class Keyring:
    """Gives locks while it is not away."""

    def __init__(self) -> None:
        self.away = False
        self.asked = asyncio.Event()

    async def fetch(self, names: Iterable[str]) -> Mapping[str, Lock]:
        self.asked.set()
        if self.away:
            raise Unavailable("people is away")
        return {name: Lock(name, Tree.grown()) for name in names}


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
async def bus(nats: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("room", BusSettings(url=nats.url)) as bus:
        yield bus


@contextlib.asynccontextmanager
async def process(bus: Bus, place: Place, models: list[StoreModel], keyring: Keyring) -> AsyncIterator[Store[Counter]]:
    """A process with a store, ready to be told to migrate."""
    async with open_store(place, Counter) as store:
        task = asyncio.create_task(Migration(bus, store, today, keyring.fetch, context="room", models=models).run())
        await settled(bus.nc)
        try:
            yield store
        finally:
            await end(task)


async def note(store: Store[Counter], text: str) -> None:
    await store.execute("c", order(new_id()), lambda c: c.note(text), lambda c: c.text)


async def test_every_process_forgets_what_it_made_of_facts_that_one_of_them_rewrote(
    bus: Bus, nats: NatsServer, place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    keyring, files = Keyring(), tmp_path_factory.mktemp("models")
    async with await connect("room", BusSettings(url=nats.url)) as other, contextlib.AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(Texts(files / f"{name}.db")) for name in ("one", "two")]
        first = await stack.enter_async_context(process(bus, place, [one], keyring))
        second = await stack.enter_async_context(process(other, place, [two], keyring))
        for number in range(600):  # more than one page
            await note(first, f"plain {number}")
        for model, store in ((one, first), (two, second)):
            await model.catch_up(store)
            assert await store.read("c", lambda c: c.text) == "plain 599"

        context = Context(bus.nc, "room")
        await context.rewrite()
        assert (context.done.error, context.done.looked, context.done.rewritten) == (None, 600, 600)
        assert context.owes
        await context.anew()
        assert (context.done.error, context.done.processes) == (None, 2)
        for model, store in ((one, first), (two, second)):
            assert await store.read("c", lambda c: c.text) == "sealed unit"
            assert model.all() == ["sealed unit"] * 600

        # Whoever was killed here begins again, and finds that this is owed still; afterwards it is not.
        again = Context(bus.nc, "room")
        await again.rewrite()
        assert (again.done.rewritten, again.owes) == (0, True)
        await again.settle()
        await again.rewrite()
        assert not again.owes


async def test_it_waits_while_keys_are_away_and_commands_go_on(bus: Bus, place: Place) -> None:
    keyring = Keyring()
    async with process(bus, place, [], keyring) as store:
        await note(store, "plain")
        keyring.away = True
        context = Context(bus.nc, "room")
        rewriting = asyncio.create_task(context.rewrite())
        async with asyncio.timeout(LIMIT):
            await keyring.asked.wait()
        await note(store, "meanwhile")
        keyring.away = False
        await rewriting
        assert (context.done.error, context.done.rewritten) == (None, 1)
        assert (await store.load("c", at=1)).text == "sealed unit"


async def test_a_fact_that_cannot_be_read_is_named_and_nothing_of_its_page_is_rewritten(
    bus: Bus, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.commands.migrate.BACK_SECONDS", 1.0)
    async with process(bus, place, [], Keyring()) as store:
        await note(store, "plain")
        execute(place, "UPDATE stored_events SET topic = ?", "counter.flown")
        context = Context(bus.nc, "room")
        await context.rewrite()
        assert context.done.error is not None
        assert "stored fact 1 (counter.flown of c) cannot be read" in context.done.error
        assert "cannot be read" in context.done.line()


async def test_where_no_process_runs_it_says_so(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.commands.migrate.START_SECONDS", 0.5)
    context = Context(bus.nc, "room")
    await context.rewrite()
    assert context.done.line() == "room: its service does not run"
    assert not context.owes


async def test_what_repeats_old_words_of_a_state_in_memory_is_rewritten_too(bus: Bus, place: Place) -> None:
    async with process(bus, place, [], Keyring()) as store:
        await note(store, "plain")
        context = Context(bus.nc, "room")
        await context.rewrite()
        # The state in memory has the words still, as people's profiles and hosts' corrections repeat theirs.
        await store.execute("c", order("repeated"), lambda c: c.note(c.text), lambda c: c.text)
        assert b"plain" in stored(place)
        await context.finish()
        assert (context.done.error, context.done.rewritten) == (None, 2)
        assert b"plain" not in stored(place)
        assert [n.fact for n in await store.notifications(0)] == [Noted(text="sealed unit")] * 2
        assert not any(isinstance(n.fact, Noted) and "plain" in n.fact.text for n in store.newest(0))


def stored(place: Place) -> bytes:
    return b"".join(bytes(state) for (state,) in execute(place, "SELECT state FROM stored_events"))
