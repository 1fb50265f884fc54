"""Jars and tips of people who are erased: sealed at rest, closed and withdrawn at once, unreadable when forgotten."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from contracts import subjects
from contracts.envelope import PersonRef
from contracts.people import v1 as people
from contracts.tipping import v1
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import running
from services.tipping.main import compose
from services.tipping.settings import Settings
from tests.integration.tipping.test_tipping import ANN, BOB, EVE, fill, live_space, offer, publish, registered
from tests.support.at_rest import contents
from tests.support.events import at
from tests.support.keys import Keys, keys_at
from tests.support.nats import running_nats
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, eventually

NAME, NOTE = "NeedleAnn", "needle Grüße"


def erased(who: PersonRef) -> people.Erased:
    return people.Erased(person_id=who.id, version=9, at=at(0))


def found(folder: Path) -> list[str]:
    """Files that have a needle in them."""
    return [path.name for path, held in contents(folder) for needle in (NAME, NOTE) if needle.encode() in held]


async def tips(bus: Bus, who: PersonRef, space: str) -> list[tuple[v1.TipState, str, str]]:
    told = (await bus.ask(v1.TipsQuery(actor=who.id, space_id=space), timeout=LIMIT)).result.tips
    return [(tip.state, tip.link, tip.note) for tip in told]


async def tipped(bus: Bus, payer: PersonRef, recipient: PersonRef, space: str) -> v1.Tip:
    made = offer(space, payer, recipient).model_copy(update={"note": NOTE})
    return (await bus.ask(made, timeout=LIMIT)).result


async def test_names_and_notes_are_sealed_at_rest_and_unreadable_when_their_person_is_forgotten() -> None:
    with running_nats() as server:
        var = Path(server.env["ROSTRUM_VAR"])
        settings = Settings.read({**server.env, "ROSTRUM_TIPPING_NEWS_WITHIN": "1.8"})
        async with (
            await connect("test", BusSettings(url=server.url)) as bus,
            await connect("people", BusSettings(url=server.url)) as owner,
            keys_at(server.url) as keys,
            running(settings, compose),
        ):
            await publish(bus, *map(registered, (ANN, BOB, EVE)))
            assert (await fill(bus, ANN, paypal=NAME)).names == {"paypal": NAME}
            await fill(bus, BOB, paypal="bob")
            space = await live_space(bus, ANN)
            tip = await tipped(bus, BOB, ANN, space)
            assert (tip.link, tip.note) == (f"https://paypal.me/{NAME}/25USD", NOTE)
            await eventually(lambda: _told(bus))
            assert found(var) == []
            assert found(server.directory / "jetstream") == []

            await publish(bus, erased(ANN))
            await eventually(lambda: _is(bus, BOB, space, [(v1.TipState.WITHDRAWN, "", NOTE)]))
            assert (await bus.ask(v1.JarQuery(person_id=ANN.id))).result.names == {}
            with pytest.raises(Refusal, match="person_unknown"):
                await fill(bus, ANN, paypal=NAME)
            with pytest.raises(Refusal, match="tip_jar_closed"):
                await tipped(bus, EVE, ANN, space)
            await forget(owner, keys, ANN)
            await eventually(lambda: _is(bus, BOB, space, [(v1.TipState.WITHDRAWN, "", "")]))


async def forget(owner: Bus, keys: Keys, who: PersonRef) -> None:
    await owner.ask(people.DestroySubjects(command_id=new_id(), subjects=(f"person:{who.id}",)))
    assert keys.destroyed


async def _told(bus: Bus) -> bool:
    state = (await bus.js.stream_info(subjects.EVENTS_STREAM, subjects_filter="rostrum.tipping.v1.*.tip_offered")).state
    return bool(state.subjects)


async def _is(bus: Bus, who: PersonRef, space: str, wanted: list[tuple[v1.TipState, str, str]]) -> bool:
    return await tips(bus, who, space) == wanted


async def test_tipping_killed_when_somebody_is_erased_closes_their_jar_all_the_same() -> None:
    with running_nats() as server:
        env = {**server.env, "ROSTRUM_TIPPING_NEWS_WITHIN": "5"}
        async with (
            await connect("test", BusSettings(url=server.url)) as bus,
            keys_at(server.url),
            ServiceProcess("tipping", env) as process,
        ):
            await publish(bus, *map(registered, (ANN, BOB, EVE)))
            await fill(bus, ANN, paypal=NAME)
            await fill(bus, EVE, paypal="eve")
            space = await live_space(bus, ANN)
            for _ in range(20):
                await tipped(bus, BOB, ANN, space)
            process.kill()
            await publish(bus, erased(ANN))  # while it is away
            await process.start()
            await eventually(lambda: _is(bus, BOB, space, [(v1.TipState.WITHDRAWN, "", NOTE)] * 20))
            other = await live_space(bus, EVE)
            for _ in range(20):
                await tipped(bus, BOB, EVE, other)
            await publish(bus, erased(EVE))
            await eventually(lambda: _closed(bus, EVE))
            process.kill()  # while it withdraws one tip after another, or right after it
            await process.start()
            await eventually(lambda: _is(bus, BOB, other, [(v1.TipState.WITHDRAWN, "", NOTE)] * 20))


async def _closed(bus: Bus, who: PersonRef) -> bool:
    return not (await bus.ask(v1.JarQuery(actor=who.id, person_id=who.id))).result.enabled


async def test_words_of_tips_go_with_their_space_also_where_tipping_was_killed() -> None:
    with running_nats() as server:
        env = {**server.env, "ROSTRUM_TIPPING_NEWS_WITHIN": "5"}
        async with (
            await connect("test", BusSettings(url=server.url)) as bus,
            keys_at(server.url) as keys,
            ServiceProcess("tipping", env) as process,
        ):
            await publish(bus, *map(registered, (ANN, BOB, EVE)))
            for who in (ANN, EVE):
                await fill(bus, who, paypal=NAME)
            space, other = await live_space(bus, ANN), await live_space(bus, ANN)
            for payer in (BOB, EVE):
                for _ in range(3):
                    await tipped(bus, payer, ANN, space)
                await tipped(bus, payer, ANN, other)
            process.kill()
            await publish(bus, people.Forgotten(number=1, what=f"space:{space}", at=at(0)))  # while it is away
            await process.start()
            for payer in (BOB, EVE):
                await eventually(partial(_is, bus, payer, space, [(v1.TipState.OFFERED, "", "")] * 3))
                assert [note for _, _, note in await tips(bus, payer, other)] == [NOTE]
            assert len(set(keys.destroyed)) == 6  # an order whose answer takes a second comes again
