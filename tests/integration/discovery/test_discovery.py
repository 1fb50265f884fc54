"""Discovery over a real stream."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.aio.msg import Msg

from contracts import subjects
from contracts.discovery import v1
from contracts.envelope import Event, headers
from contracts.people import v1 as people
from contracts.transcription import v1 as transcription
from libs.bus import Bus, BusSettings, Unavailable, connect
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import Service, running
from services.discovery.main import compose
from services.discovery.settings import Settings
from tests.support.damage import damage
from tests.support.events import at, created, ended, person, stage_joined, started
from tests.support.nats import NatsServer, running_nats
from tests.support.needles import in_folder, needle
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually, pace, standstill

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
        await eventually(lambda: not service.missing())
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
    async with asyncio.timeout(LIMIT):
        while True:
            cards = await bar(bus, who)
            if [card.title for card in cards] == list(titles):
                return cards


@pytest.mark.usefixtures("discovery")
async def test_the_live_bar_follows_within_a_second(bus: Bus) -> None:
    await publish(bus, follows(EVE.id, BOB.id))
    async with standstill() as stood:
        shown: list[float] = []
        hidden: list[float] = []
        for _ in range(3):
            space = new_id()
            await publish(bus, created(space, ANN))
            assert await bar(bus, EVE.id) == ()
            began = time.monotonic()
            await publish(bus, started(space, ANN), stage_joined(space, BOB, version=3))
            (card,) = await until_bar_has(bus, EVE.id, "Tea")
            shown.append(time.monotonic() - began)
            assert card.because == (BOB,)
            began = time.monotonic()
            await publish(bus, ended(space, version=4))
            await until_bar_has(bus, EVE.id)
            hidden.append(time.monotonic() - began)
        # A machine that has other things to do is late now and then, and not each time.
        assert max(min(shown), min(hidden)) < 1 + stood(), (shown, hidden)


@pytest.mark.usefixtures("discovery")
async def test_who_watches_the_bar_is_told_over_the_stream(bus: Bus) -> None:
    space = new_id()
    await publish(bus, follows(EVE.id, ANN.id), created(space, ANN))
    await bar(bus, EVE.id)
    after = await bus.last_sequence()
    await publish(bus, started(space, ANN))
    told: list[v1.BarChanged] = []
    async with asyncio.timeout(LIMIT):
        async for batch in bus.follow(filters=[subjects.events_of("discovery")], after=after):
            told += [received.event for received in batch if isinstance(received.event, v1.BarChanged)]
            if told and told[-1].card is None:
                break
            if told:
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
            await eventually(lambda: not service.missing())
            answers.append((await browse(bus), await bar(bus, EVE.id)))
        settings.read_model_path.unlink()
    assert answers[0] == answers[1]
    assert len(answers[0][0]) == 20
    assert len(answers[0][1]) == 10


@pytest.mark.parametrize("first", [1, 2, 12])
async def test_a_damaged_file_is_set_aside_and_filled_again(server: NatsServer, bus: Bus, first: int) -> None:
    settings = Settings.read(server.env)
    await _some_history(bus)
    path = settings.read_model_path
    async with running(settings, compose) as service:
        await eventually(lambda: not service.missing())
        before = await browse(bus), await bar(bus, EVE.id)
    await asyncio.to_thread(damage, path, first=first)
    async with running(settings, compose) as service:

        async def answers_again() -> bool:
            with contextlib.suppress(Refusal, Unavailable):
                found = await bus.ask(v1.SearchQuery(words="Space"))
                same = (await browse(bus), await bar(bus, EVE.id)) == before
                return same and len(found.result.spaces) > 0 and not service.missing()
            return False

        await eventually(answers_again)
    assert path.with_name(path.name + ".damaged").exists()


@contextlib.asynccontextmanager
async def relays(bus: Bus, *contexts: str) -> AsyncIterator[asyncio.Event]:
    """Stand for the relays of these contexts; until the event is set, they have not put everything into the stream."""
    whole = asyncio.Event()

    async def answer(msg: Msg) -> None:
        await whole.wait()
        await msg.respond(b"{}")

    async with contextlib.AsyncExitStack() as stack:
        for context in contexts:
            subscription = await bus.nc.subscribe(subjects.relay_check(context), cb=answer)
            stack.push_async_callback(subscription.unsubscribe)
        yield whole


async def test_a_stream_that_is_being_filled_again_answers_nothing(bus: Bus, discovery: Service[Settings]) -> None:
    gone, there = new_id(), new_id()
    await publish(bus, created(gone, ANN, title="Gone"), started(gone, ANN, title="Gone"), follows(EVE.id, ANN.id))
    await until_bar_has(bus, EVE.id, "Gone")
    async with relays(bus, *subjects.STORED_CONTEXTS) as whole:
        await bus.js.delete_stream(subjects.EVENTS_STREAM)
        await bus.declare()
        await publish(
            bus, follows(EVE.id, ANN.id), created(there, ANN, title="There"), started(there, ANN, title="There"),
        )  # fmt: skip
        await eventually(lambda: "people, " in discovery.missing().get("read model", ""))
        for ask in (browse(bus), bar(bus, EVE.id)):
            with pytest.raises(Refusal, match="catching up"):
                await ask
        await publish(bus, people.Blocked(person_id=ANN.id, version=3, at=at(1), blocked_id=EVE.id))
        whole.set()
        await eventually(lambda: not discovery.missing())
        assert await bar(bus, EVE.id) == (), "the block was in it"
        assert [card.title for card in await browse(bus)] == ["There"]


async def test_a_service_that_does_not_run_is_waited_for_a_while(bus: Bus, discovery: Service[Settings]) -> None:
    space = new_id()
    await publish(bus, created(new_id(), ANN), follows(EVE.id, ANN.id))
    await until_bar_has(bus, EVE.id)
    await bus.js.delete_stream(subjects.EVENTS_STREAM)
    await bus.declare()
    await publish(bus, follows(EVE.id, ANN.id), created(space, ANN, title="Tea"), started(space, ANN, title="Tea"))
    await eventually(lambda: bool(discovery.missing()))
    await eventually(lambda: not discovery.missing())
    await until_bar_has(bus, EVE.id, "Tea")


async def test_it_goes_on_after_nats_was_killed(server: NatsServer, bus: Bus, discovery: Service[Settings]) -> None:
    space = new_id()
    await publish(bus, follows(EVE.id, ANN.id), created(space, ANN))
    await bar(bus, EVE.id)
    back = asyncio.Event()
    with bus.on_reconnect(back.set):
        server.kill()
        server.start()
        await asyncio.wait_for(back.wait(), LIMIT)
    await eventually(lambda: not discovery.missing())
    await publish(bus, started(space, ANN))
    await until_bar_has(bus, EVE.id, "Tea")


@pytest.mark.usefixtures("discovery")
async def test_a_sentence_is_found_within_two_seconds_until_a_block_holds(bus: Bus) -> None:
    space = new_id()
    await publish(bus, created(space, ANN), started(space, ANN))

    async def found(words: str) -> v1.SentencePage | None:
        page = (await bus.ask(v1.TranscriptSearchQuery(words=words, actor=EVE.id))).result
        return page if page.sentences else None

    async with standstill() as stood:
        took: list[float] = []
        for number, word in enumerate(("Bees", "Wasps", "Ants"), 1):
            caption = transcription.Caption(
                id=word, person=ANN, lang="en", text=f"{word}.", start_at=at(number), end_at=at(number + 1)
            )
            began = time.monotonic()
            await publish(bus, transcription.Captioned(space_id=space, version=number, at=at(number), caption=caption))
            page = await eventually(lambda word=word: found(word))  # type: ignore[misc]
            took.append(time.monotonic() - began)
            assert [(one.text, one.seconds) for one in page.sentences] == [(f"{word}.", number)]
        assert min(took) < 2 + stood(), took
    assert [card.id for card in page.spaces] == [space]
    await publish(bus, people.Blocked(person_id=ANN.id, version=1, at=at(3), blocked_id=EVE.id))

    async def hidden() -> bool:
        return await found("bees") is None

    await eventually(hidden)


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.1])
async def test_killed_while_it_forgets_it_has_no_words_after_its_next_start(
    server: NatsServer, bus: Bus, seconds: float
) -> None:
    space, title = new_id(), needle()
    stores = Path(server.env["ROSTRUM_VAR"]) / "stores"
    async with ServiceProcess("discovery", server.env) as discovery:
        await publish(bus, created(space, ANN, title=title), started(space, ANN, title=title))

        async def shown() -> bool:
            return title in [card.title for card in await browse(bus)]

        await eventually(shown)
        assert in_folder(stores, [title])
        await publish(bus, people.Forgotten(number=1, what=f"space:{space}", at=at(200)))
        await pace(time.monotonic() + seconds)
        discovery.kill()
        await discovery.start()
        await eventually(lambda: not in_folder(stores, [title]))
