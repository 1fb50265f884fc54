"""The figures of a Space, from the stream through the embedded engine to an answer."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from contracts import subjects
from contracts.analytics.v1 import HeldQuery as OfAnalytics
from contracts.envelope import headers
from contracts.media import v1 as media
from contracts.presence import v1 as presence
from contracts.tipping import v1 as tipping
from libs.bus import Bus, BusSettings, connect
from libs.bus.origin import mark
from libs.ids import new_id
from tests.integration.analytics.asking import figures, publish
from tests.support.events import at, created, ended, person, stage_joined, started
from tests.support.nats import NatsServer, running_nats
from tests.support.personal_data import events, held
from tests.support.service_process import ServiceProcess
from tests.support.waiting import eventually

ANN, BOB, EVE, KIM = person("ann"), person("bob"), person("eve"), person("kim")


@pytest.fixture(scope="module")
def server() -> Iterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def analytics(server: NatsServer) -> AsyncIterator[ServiceProcess]:
    """One engine for all tests here: its start is the slow part."""
    async with ServiceProcess("analytics", server.env) as process:
        yield process


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("test", BusSettings(url=server.url)) as bus:
        yield bus


def joined(
    space: str, who: str | None, *, seconds: float, role: str = "listener", source: str = "link"
) -> presence.Joined:
    return presence.Joined(space_id=space, at=at(seconds), session_id=new_id(), person_id=who, role=role, source=source)


def counted(space: str, listeners: int, *, seconds: float) -> presence.Counted:
    return presence.Counted(space_id=space, at=at(seconds), listeners=listeners, on_stage=1)


def reacted(space: str, **counts: int) -> presence.Reacted:
    return presence.Reacted(space_id=space, at=at(1), counts=counts, window_ms=250)


def talked(space: str, who: str, seconds: float, *, end: float) -> media.Talked:
    return media.Talked(space_id=space, at=at(end), node_id="n", person_id=who, session_id=new_id(), seconds=seconds)


def speaking(space: str, *who: str, seconds: float) -> media.Speaking:
    return media.Speaking(space_id=space, at=at(seconds), node_id="n", person_ids=who)


async def test_a_whole_space(bus: Bus, analytics: ServiceProcess) -> None:
    space, tip = new_id(), new_id()
    last = await publish(
        bus,
        created(space, ANN),
        started(space, ANN),
        joined(space, ANN.id, seconds=0, role="host"),
        joined(space, EVE.id, seconds=1, source="live_bar"),
        joined(space, EVE.id, seconds=2),
        joined(space, None, seconds=3),
        joined(space, KIM.id, seconds=70),
        stage_joined(space, BOB, version=3),
        counted(space, 2, seconds=3),
        counted(space, 1, seconds=30),
        counted(space, 3, seconds=70),
        counted(space, 0, seconds=130),
        reacted(space, clap=2, wave=1),
        reacted(space, clap=3),
        speaking(space, ANN.id, seconds=5),
        speaking(space, seconds=15),
        talked(space, ANN.id, 10, end=15),
        speaking(space, BOB.id, ANN.id, seconds=20),
        talked(space, BOB.id, 2.5, end=22.5),
        speaking(space, ANN.id, seconds=22.5),
        talked(space, ANN.id, 4, end=24),
        speaking(space, seconds=24),
        tipping.TipOffered(
            person_id=ANN.id, version=1, at=at(20), tip_id=tip, space_id=space, payer=EVE,
            provider="paypal",
        ),
        tipping.TipOpened(person_id=ANN.id, version=2, at=at(21), tip_id=tip, space_id=space, payer=EVE.id),
        tipping.TipConfirmed(person_id=ANN.id, version=3, at=at(22), tip_id=tip, space_id=space, payer=EVE.id),
        ended(space, seconds=150, version=4),
    )  # fmt: skip
    told = await figures(bus, space)
    assert told.through_sequence >= last
    assert told.peak_listeners == 3
    assert told.total_listeners == 3
    assert told.speakers == 2
    assert told.duration_seconds == 150
    assert told.talk_seconds_by_speaker == {ANN.id: 14.0, BOB.id: 2.5}
    assert told.reactions == {"clap": 5, "wave": 1}
    assert (told.tips_offered, told.tips_confirmed) == (1, 1)
    assert [(m.minute, m.listeners) for m in told.listeners_by_minute] == [(0, 2), (1, 3), (2, 3)]
    assert told.sources == {"link": 3, "live_bar": 1}

    eves = await held(bus, OfAnalytics, EVE.id)
    assert events(eves, "engagement").count("presence.joined") == 2
    assert {"tipping.tip_offered", "tipping.tip_opened", "tipping.tip_confirmed"} <= set(events(eves, "engagement"))
    bobs = await held(bus, OfAnalytics, BOB.id)
    assert sorted(events(bobs, "engagement")) == ["media.speaking", "media.talked", "room.stage_joined"]
    assert ANN.id not in str([one for one in bobs if one.fields["event"] == "media.speaking"])
    assert await held(bus, OfAnalytics, new_id()) == []


async def test_who_signed_up_while_listening_is_one_listener(bus: Bus, analytics: ServiceProcess) -> None:
    space = new_id()
    guest, stays = joined(space, None, seconds=1), joined(space, None, seconds=2, source="feed")
    member = joined(space, EVE.id, seconds=5).model_copy(update={"continues": guest.session_id})
    await publish(bus, started(space, ANN), guest, stays, member, joined(space, KIM.id, seconds=6))
    told = await figures(bus, space)
    assert told.total_listeners == 3
    assert told.sources == {"feed": 1, "link": 2}


async def test_somebody_who_still_talks_is_counted_until_now(bus: Bus, analytics: ServiceProcess) -> None:
    space = new_id()
    await publish(
        bus,
        started(space, ANN),
        speaking(space, ANN.id, seconds=5),
        talked(space, ANN.id, 3, end=8),
        speaking(space, seconds=8.2),
        speaking(space, ANN.id, seconds=20),
        ended(space, seconds=30, version=3),
    )
    assert (await figures(bus, space)).talk_seconds_by_speaker == {ANN.id: 13.0}


async def test_the_peak_where_nothing_was_counted(bus: Bus, analytics: ServiceProcess) -> None:
    space = new_id()
    sessions = [joined(space, None, seconds=n) for n in range(4)]
    left = [presence.Left(space_id=space, at=at(2.5), session_id=sessions[0].session_id, joined_at=at(0), seconds=2.5)]
    await publish(bus, started(space, ANN), *sessions, *left)
    assert (await figures(bus, space)).peak_listeners == 3


async def test_the_same_event_twice_counts_once(bus: Bus, analytics: ServiceProcess) -> None:
    """The stream refuses an id for two minutes only; later the same event is there twice, at two places."""
    space = new_id()
    event = reacted(space, clap=1)
    told = headers(event, id="again", source="presence")
    for _ in range(2):
        told.pop("Nats-Msg-Id", None)
        await bus.js.publish(event.subject, event.model_dump_json().encode(), headers=told)
    last = await publish(bus, reacted(space, clap=10))
    answer = await figures(bus, space)
    assert answer.through_sequence >= last
    assert answer.reactions == {"clap": 11}


async def test_an_answer_includes_everything_that_was_there_when_it_was_asked(
    bus: Bus, analytics: ServiceProcess
) -> None:
    space = new_id()
    for n in range(1, 6):
        last = await publish(bus, reacted(space, wave=1))
        answer = await figures(bus, space)
        assert answer.through_sequence >= last
        assert answer.reactions == {"wave": n}


async def test_a_message_of_a_newer_sender_holds_nothing_up(bus: Bus, analytics: ServiceProcess) -> None:
    space = new_id()
    await publish(bus, reacted(space, wave=1))
    ack = await bus.js.publish(subjects.event("room", space, "from_tomorrow"), b"{}", headers=mark("test"))
    answer = await figures(bus, space)
    assert answer.through_sequence >= ack.seq
    assert answer.reactions == {"wave": 1}


async def test_a_message_that_breaks_its_contract_is_a_dead_letter(bus: Bus, analytics: ServiceProcess) -> None:
    space = new_id()
    subject = subjects.event("presence", space, "counted")
    await bus.js.publish(subject, b'{"listeners":"many"}', headers=mark("test"))
    await publish(bus, reacted(space, wave=2))
    assert (await figures(bus, space)).reactions == {"wave": 2}

    async def buried() -> RawStreamMsg | None:
        with contextlib.suppress(NotFoundError):
            return await bus.js.get_last_msg(subjects.DEAD_LETTER_STREAM, subjects.dead_letter("analytics", "*"))
        return None

    letter = await eventually(buried)
    assert (letter.headers or {})[subjects.HEADER_ORIGIN] == subject


async def test_an_unknown_space_has_no_figures(bus: Bus, analytics: ServiceProcess) -> None:
    answer = await figures(bus, new_id())
    assert (answer.peak_listeners, answer.total_listeners, answer.duration_seconds) == (0, 0, 0)
