"""Discovery over a real stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts import subjects
from contracts.discovery import v1
from contracts.envelope import Event, headers
from contracts.people import v1 as people
from contracts.room import v1 as room
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import Service, running
from services.discovery.main import compose
from services.discovery.settings import Settings
from tests.support.events import at, created, ended, person, stage_joined, started
from tests.support.nats import NatsServer, running_nats
from tests.support.waiting import eventually

ANN, BOB, EVE = person("ann"), person("bob"), person("eve")


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("test", BusSettings(url=server.url)) as bus:
        yield bus


@pytest.fixture
async def discovery(server: NatsServer, bus: Bus) -> AsyncIterator[Service[Settings]]:
    async with running(Settings.read(server.env), compose) as service:
        yield service


async def publish(bus: Bus, *events: Event) -> None:
    for event in events:
        told = headers(event, id=new_id(), source=event.context)
        await bus.js.publish(event.subject, event.model_dump_json().encode(), headers=told)


def follows(who: str, whom: str) -> people.Followed:
    return people.Followed(person_id=who, version=2, at=at(0), followee_id=whom)


async def bar(bus: Bus, who: str) -> tuple[v1.SpaceCard, ...]:
    return (await bus.ask(v1.LiveBarQuery(actor=who))).result.spaces


async def browse(bus: Bus) -> tuple[v1.SpaceCard, ...]:
    return (await bus.ask(v1.BrowseQuery())).result.spaces


async def until_bar_has(bus: Bus, who: str, *titles: str) -> tuple[v1.SpaceCard, ...]:
    async with asyncio.timeout(20):
        while True:
            cards = await bar(bus, who)
            if [card.title for card in cards] == list(titles):
                return cards


@pytest.mark.usefixtures("discovery")
async def test_the_live_bar_follows_within_a_second(bus: Bus) -> None:
    space = new_id()
    await publish(bus, follows(EVE.id, BOB.id), created(space, ANN))
    assert await bar(bus, EVE.id) == ()
    async with asyncio.timeout(1):
        await publish(bus, started(space, ANN), stage_joined(space, BOB, version=3))
        (card,) = await until_bar_has(bus, EVE.id, "Tea")
    assert card.because == (BOB,)
    async with asyncio.timeout(1):
        await publish(bus, ended(space, version=4))
        await until_bar_has(bus, EVE.id)


@pytest.mark.usefixtures("discovery")
async def test_who_watches_the_bar_is_told_over_the_stream(bus: Bus) -> None:
    space = new_id()
    await publish(bus, follows(EVE.id, ANN.id), created(space, ANN))
    await bar(bus, EVE.id)
    after = await bus.last_sequence()
    await publish(bus, started(space, ANN))
    told: list[v1.BarChanged] = []
    async with asyncio.timeout(20):
        async for batch in bus.follow(filters=[subjects.events_of("discovery")], after=after):
            told += [received.event for received in batch if isinstance(received.event, v1.BarChanged)]
            if told[-1].card is None:
                break
            await publish(bus, ended(space, version=3))
    assert [(event.person_id, event.space_id, event.card is None) for event in told] == [
        (EVE.id, space, False),
        (EVE.id, space, True),
    ]


@pytest.mark.usefixtures("discovery")
async def test_the_live_bar_is_somebodys(bus: Bus) -> None:
    with pytest.raises(Refusal, match="unauthenticated"):
        await bus.ask(v1.LiveBarQuery())


async def _some_history(bus: Bus) -> None:
    for n in range(30):
        space = new_id()
        host = (ANN, BOB)[n % 2]
        await publish(
            bus, created(space, host, title=f"Space {n}"), started(space, host, title=f"Space {n}", seconds=n)
        )
        if n % 3 == 0:
            await publish(bus, ended(space, version=3, seconds=n + 1))
    await publish(bus, follows(EVE.id, ANN.id))


async def test_wiped_and_filled_again_it_says_the_same(server: NatsServer, bus: Bus) -> None:
    settings = Settings.read(server.env)
    await _some_history(bus)
    answers = []
    for _ in range(2):
        async with running(settings, compose) as service:
            await eventually(lambda: not service.missing(), within=20)
            answers.append((await browse(bus), await bar(bus, EVE.id)))
        settings.read_model_path.unlink()
    assert answers[0] == answers[1]
    assert len(answers[0][0]) == 20
    assert len(answers[0][1]) == 10


async def test_a_rebuilt_stream_is_noticed(bus: Bus, discovery: Service[Settings]) -> None:
    gone, there = new_id(), new_id()
    await publish(bus, created(gone, ANN, title="Gone"), started(gone, ANN, title="Gone"), follows(EVE.id, ANN.id))
    await until_bar_has(bus, EVE.id, "Gone")
    await bus.js.delete_stream(subjects.EVENTS_STREAM)
    await bus.declare()
    await publish(
        bus, follows(EVE.id, ANN.id), created(there, ANN, title="There"), started(there, ANN, title="There"),
    )  # fmt: skip
    await until_bar_has(bus, EVE.id, "There")
    assert [card.state for card in await browse(bus)] == [room.State.LIVE]


async def test_it_goes_on_after_nats_was_killed(server: NatsServer, bus: Bus, discovery: Service[Settings]) -> None:
    space = new_id()
    await publish(bus, follows(EVE.id, ANN.id), created(space, ANN))
    await bar(bus, EVE.id)
    server.kill()
    server.start()
    await eventually(lambda: bus.is_connected and not discovery.missing(), within=20)
    await publish(bus, started(space, ANN))
    await until_bar_has(bus, EVE.id, "Tea")
