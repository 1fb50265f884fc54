"""Tipping over a real bus and a real store, told of stages and people by the stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from contracts import subjects
from contracts.envelope import Event, PersonRef, headers
from contracts.people import v1 as people
from contracts.tipping import v1
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import running
from services.tipping.main import compose
from services.tipping.settings import Settings
from tests.support.events import at, created, ended, person, stage_joined, stage_left, started
from tests.support.keys import keys_at
from tests.support.nats import NatsServer, running_nats
from tests.support.waiting import LIMIT

ANN, BOB, EVE = person("ann"), person("bob"), person("eve")


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("test", BusSettings(url=server.url)) as bus:
        for who in (ANN, BOB, EVE):
            await publish(bus, registered(who))
        yield bus


@pytest.fixture
async def tipping(server: NatsServer, bus: Bus) -> AsyncIterator[None]:
    """With patience for what room and people have just told."""
    env = {**server.env, "ROSTRUM_TIPPING_NEWS_WITHIN": "1.8"}
    async with keys_at(server.url), running(Settings.read(env), compose):
        yield


def registered(who: PersonRef) -> people.Registered:
    return people.Registered(person_id=who.id, version=1, at=at(0), handle=who.handle, display_name=who.name)


async def publish(bus: Bus, *events: Event) -> None:
    for event in events:
        told = headers(event, id=new_id(), source=event.context)
        await bus.js.publish(event.subject, event.model_dump_json().encode(), headers=told)


async def live_space(bus: Bus, host: PersonRef) -> str:
    space = new_id()
    await publish(bus, created(space, host), started(space, host))
    return space


async def fill(bus: Bus, who: PersonRef, **names: str) -> v1.TipJar:
    command = v1.FillJar(command_id=new_id(), actor=who.id, enabled=True, names=names, public_names_acknowledged=True)
    return (await bus.ask(command)).result


def offer(space: str, payer: PersonRef, to: PersonRef, *, key: str | None = None, amount: int = 2500) -> v1.OfferTip:
    return v1.OfferTip(
        command_id=key or new_id(), actor=payer.id, tip_id=new_id(), space_id=space, recipient=to.id,
        provider="paypal", amount_minor=amount, currency="USD", note="thanks",
    )  # fmt: skip


@pytest.mark.usefixtures("tipping")
async def test_a_tip_from_offer_to_confirmation(bus: Bus) -> None:
    jar = await fill(bus, ANN, paypal="https://paypal.me/ann", cash_app="$ann")
    assert jar.names == {"paypal": "ann", "cash_app": "ann"}
    space = await live_space(bus, ANN)
    tip = (await bus.ask(offer(space, BOB, ANN))).result
    assert (tip.state, tip.link) == (v1.TipState.OFFERED, "https://paypal.me/ann/25USD")
    opened = (await bus.ask(v1.OpenTip(command_id=new_id(), actor=BOB.id, tip_id=tip.id))).result
    assert opened.state is v1.TipState.OPENED
    confirmed = (await bus.ask(v1.ConfirmTip(command_id=new_id(), actor=ANN.id, tip_id=tip.id))).result
    assert confirmed.state is v1.TipState.CONFIRMED
    for who, seen in ((ANN, 1), (BOB, 1), (EVE, 0)):
        tips = (await bus.ask(v1.TipsQuery(actor=who.id, space_id=space))).result.tips
        assert len(tips) == seen
    assert tips == ()


@pytest.mark.usefixtures("tipping")
async def test_only_the_payer_opens_and_only_the_recipient_confirms(bus: Bus) -> None:
    await fill(bus, ANN, paypal="ann")
    tip = (await bus.ask(offer(await live_space(bus, ANN), BOB, ANN))).result
    for request, reason in (
        (v1.OpenTip(command_id=new_id(), actor=ANN.id, tip_id=tip.id), "not_yours"),
        (v1.OpenTip(command_id=new_id(), actor=EVE.id, tip_id=tip.id), "not_yours"),
        (v1.ConfirmTip(command_id=new_id(), actor=BOB.id, tip_id=tip.id), "not_yours"),
        (v1.ConfirmTip(command_id=new_id(), actor=ANN.id, tip_id=tip.id), "wrong_state"),
        (v1.OpenTip(command_id=new_id(), actor=BOB.id, tip_id=new_id()), "tip_unknown"),
    ):
        with pytest.raises(Refusal) as refused:
            await bus.ask(request)
        assert refused.value.reason == reason


@pytest.mark.usefixtures("tipping")
async def test_the_same_offer_sent_again_is_one_tip_even_when_the_space_is_over(bus: Bus) -> None:
    await fill(bus, ANN, paypal="ann")
    space = await live_space(bus, ANN)
    first = (await bus.ask(offer(space, BOB, ANN, key="k"))).result
    await publish(bus, ended(space, version=3))
    await _refused(bus, lambda: offer(space, BOB, ANN), "not_live")
    again = (await bus.ask(offer(space, BOB, ANN, key="k"))).result
    assert again == first


@pytest.mark.usefixtures("tipping")
async def test_tips_go_to_people_on_stage_only(bus: Bus) -> None:
    await fill(bus, BOB, paypal="bob")
    space = await live_space(bus, ANN)
    with pytest.raises(Refusal, match="not_on_stage"):
        await bus.ask(offer(space, EVE, BOB))
    await publish(bus, stage_joined(space, BOB, version=3))
    await bus.ask(offer(space, EVE, BOB))
    await publish(bus, stage_left(space, BOB, version=4))
    await _refused(bus, lambda: offer(space, EVE, BOB), "not_on_stage")
    with pytest.raises(Refusal, match="space_unknown"):
        await bus.ask(offer(new_id(), EVE, BOB))


async def _refused(bus: Bus, made: Callable[[], v1.OfferTip], reason: str) -> None:
    """Offer until the news that ends it has arrived."""
    async with asyncio.timeout(LIMIT):
        while True:
            try:
                await bus.ask(made())
            except Refusal as no:
                assert no.reason == reason  # noqa: PT017
                return


@pytest.mark.usefixtures("tipping")
async def test_an_offer_waits_for_news_that_is_on_its_way(bus: Bus) -> None:
    await fill(bus, BOB, paypal="bob")
    space = await live_space(bus, ANN)
    asked = asyncio.create_task(bus.ask(offer(space, EVE, BOB)))
    await asyncio.sleep(0)
    await publish(bus, stage_joined(space, BOB, version=3))
    assert (await asked).result.recipient == BOB.id


@pytest.mark.usefixtures("tipping")
async def test_the_names_of_a_closed_jar_are_its_owners_only(bus: Bus) -> None:
    await fill(bus, ANN, paypal="ann")
    closed = v1.FillJar(command_id=new_id(), actor=ANN.id, enabled=False, names={"paypal": "ann"})
    await bus.ask(closed)
    assert (await bus.ask(v1.JarQuery(actor=BOB.id, person_id=ANN.id))).result.names == {}
    assert (await bus.ask(v1.JarQuery(actor=ANN.id, person_id=ANN.id))).result.names == {"paypal": "ann"}
    assert (await bus.ask(v1.JarQuery(person_id=EVE.id))).result == v1.TipJar(person_id=EVE.id)
    with pytest.raises(Refusal, match="tip_jar_closed"):
        await bus.ask(offer(await live_space(bus, ANN), BOB, ANN))


@pytest.mark.usefixtures("tipping")
async def test_both_are_told_of_every_step(bus: Bus) -> None:
    await fill(bus, ANN, paypal="ann")
    space = await live_space(bus, ANN)
    tip = (await bus.ask(offer(space, BOB, ANN))).result
    await bus.ask(v1.OpenTip(command_id=new_id(), actor=BOB.id, tip_id=tip.id))
    await bus.ask(v1.ConfirmTip(command_id=new_id(), actor=ANN.id, tip_id=tip.id))
    told: list[Event] = []
    async with asyncio.timeout(LIMIT):
        async for batch in bus.follow(filters=[subjects.events_of("tipping")]):
            told += [received.event for received in batch]
            if len(told) >= 4:
                break
    assert [type(event) for event in told] == [v1.JarChanged, v1.TipOffered, v1.TipOpened, v1.TipConfirmed]
    assert all(event.people() == {ANN.id, BOB.id} and event.space == space for event in told[1:])
    offered = told[1]
    assert isinstance(offered, v1.TipOffered)
    assert (offered.payer, offered.amount_minor) == (PersonRef.of(BOB.id), 2500)
    assert offered.note == ""  # for who opens nothing: it is sealed


async def test_after_a_restart_everything_is_as_it_was(server: NatsServer, bus: Bus) -> None:
    settings = Settings.read({**server.env, "ROSTRUM_TIPPING_NEWS_WITHIN": "1.8"})
    space = await live_space(bus, ANN)
    async with keys_at(server.url):
        async with running(settings, compose):
            await fill(bus, ANN, paypal="ann")
            tip = (await bus.ask(offer(space, BOB, ANN))).result
        settings.stages_path.unlink()
        settings.tips_path.unlink()
        async with running(settings, compose):
            assert (await bus.ask(v1.TipsQuery(actor=ANN.id, space_id=space))).result.tips == (tip,)
            await bus.ask(offer(space, BOB, ANN))
