"""NATS answers with its own permissions, wherever it is told to: nobody takes that for something published there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from contracts import subjects
from contracts.commands import Accepted, Nothing
from contracts.envelope import Event
from contracts.people.v1 import EventPassedOver
from contracts.presence.v1 import Counted
from contracts.room.v1 import EndSpace
from infra.launcher import System
from infra.nats.permissions import ERASER, eraser_permissions, permissions
from infra.nats.server import ADMIN
from libs.bus import Bus, BusSettings, Handlers, connect
from libs.bus.dead_letters import read_letters
from libs.bus.declare import declare_consumers
from libs.bus.follow import follow_raw
from libs.bus.halts import Unreadable
from libs.bus.origin import LATE, mark
from libs.bus.received import Received, published
from libs.ids import new_id
from tests.support.nats import settled
from tests.support.waiting import LIMIT, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPACE = new_id()
LISTENED = (
    subjects.presence(0),
    subjects.node_heartbeat("n1"),
    subjects.relayed_audio(SPACE),
    subjects.live_audio(SPACE),
    subjects.service_status("media", "m1"),
    subjects.relay_check("room"),
    subjects.retry("room", "x"),
    subjects.passing_event("people", SPACE, "keys_dropped"),
)
"""One subject of each kind that is heard on core NATS, but for requests."""
ASKED = (
    b"",
    b'{"seq":%d}',
    b'{"seq":%d,"no_hdr":true}',
    b'{"seq":%d,"batch":1}',
    b'{"seq":%d,"batch":1,"no_hdr":true}',
    b'{"next_by_subj":">","no_hdr":true}',
    b'{"subjects_filter":">"}',
    b'{"batch":1,"no_wait":true}',
)
"""What JetStream can be asked; whichever it is that an address takes."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """NATS with the users and consumers of a real system, and no services."""
    var = tmp_path_factory.mktemp("var")
    async with System(var, services=(), entry="tests.support.dummy_service:serve", preload=()) as running:
        async with await bus_of(running, ADMIN) as admin:
            await declare_consumers(admin.js, subjects.SERVICES)
        yield running


async def bus_of(system: System, user: str) -> Bus:
    name, password = system.credentials(user)
    return await connect("room", BusSettings(system.nats_url, name, password, system.nats_api(user)))


async def connected(system: System, service: str) -> Client:
    user, password = system.credentials(service)
    return await nats.connect(system.nats_url, user=user, password=password)


async def prepared(system: System, service: str, body: bytes) -> int:
    """Sequence of a message with a body that the service would have another one hear; the last there is where the
    service publishes no events."""
    async with await bus_of(system, ADMIN) as admin:
        own = subjects.CONTEXTS_OF.get(service)
        said = subjects.event(own[0] if own else "presence", SPACE, "of_my_own")
        return (await admin.js.publish(said, body, headers=mark(service), stream=subjects.EVENTS_STREAM)).seq


def ways(system: System, service: str, *, fetch: bool = True) -> list[str]:
    """Every address of JetStream that the service may send to, but acknowledgements."""
    granted = eraser_permissions(system.nats_api(ERASER)) if service == ERASER else permissions(service)
    addresses = [one.replace("*", subjects.EVENTS_STREAM) for one in granted["publish"]["allow"] if "$JS.API." in one]
    return [one for one in addresses if ".MSG.DELETE." not in one and (fetch or ".MSG.NEXT." not in one)]


async def have_nats_say(
    system: System, client: Client, service: str, where: str, sequence: int, *, fetch: bool = True, store: bool = True
) -> None:
    """Ask whatever the service may ask, for the answer to go where it may not speak."""
    for way in ways(system, service, fetch=fetch):
        for asked in ASKED:
            await client.publish(way, asked % sequence if b"%d" in asked else asked, reply=where)
    traced = mark(service, {"Nats-Trace-Dest": where, "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    await client.publish(subjects.query("people", "tell"), b"{}", headers=traced)  # NATS tells of its way
    for context in subjects.CONTEXTS_OF[service] if store else ():
        await client.publish(subjects.event(context, SPACE, "stored"), b"{}", reply=where, headers=mark(service))
    await settled(client)


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_no_service_has_nats_say_something_to_another(system: System, service: str) -> None:
    heard: dict[str, list[bytes]] = {subject: [] for subject in LISTENED}
    ended: list[str] = []
    seen: set[str] = set()

    async def hear(msg: Msg) -> None:
        heard[msg.subject].append(msg.data)

    async def witness(msg: Msg) -> None:
        seen.add(msg.subject)

    async def end(command: EndSpace) -> Accepted[Nothing]:
        ended.append(command.command_id)
        return Accepted(result=Nothing())

    table = Handlers("room")
    table.add(EndSpace, end)
    orders = [subjects.command("room", EndSpace.name, route) for route in ("0", "1")]
    forged, meant = (EndSpace(command_id=id, actor=SPACE, space_id=SPACE).model_dump_json().encode() for id in "ab")
    sequence = await prepared(system, service, forged)
    async with (
        await bus_of(system, ADMIN) as room,
        room.serve(table, route="0", hot=True),
        room.serve(table, route="1"),
    ):
        client = await connected(system, service)
        for subject in LISTENED:
            await room.listen(subject, hear)
        for subject in (*LISTENED, *orders):
            await room.nc.subscribe(subject, cb=witness)
        await settled(room.nc)
        for subject in (*LISTENED, *orders):
            await have_nats_say(system, client, service, subject, sequence)
        # NATS answers from more than one place; each of them has answered when the witness has it.
        await eventually(lambda: {*LISTENED} <= seen or None)
        await client.close()
        for subject in LISTENED:
            await room.say(subject, b"meant")
        for order in orders:
            assert b"accepted" in (await room.request(order, meant, timeout=LIMIT)).data
        await eventually(lambda: all(b"meant" in said for said in heard.values()) or None)
    assert heard == {subject: [b"meant"] for subject in LISTENED}
    assert ended == ["b", "b"]


CHANGES: dict[str, bytes] = {
    "STREAM.CREATE.MINE": b'{"name":"MINE","mirror":{"name":"EVENTS"}}',
    "STREAM.UPDATE.EVENTS": b'{"name":"EVENTS","subjects":["rostrum.*.v1.*.*"],"max_msgs":1}',
    "STREAM.PURGE.EVENTS": b"{}",
    "STREAM.DELETE.DEAD_LETTERS": b"",
    "STREAM.MSG.DELETE.EVENTS": b'{"seq":1}',
    "STREAM.SNAPSHOT.EVENTS": b'{"deliver_subject":"passing.people.v1.x.mine"}',
    "STREAM.RESTORE.MINE": b'{"config":{"name":"MINE","subjects":["mine"]},"state":{}}',
    "CONSUMER.CREATE.EVENTS.x": b'{"stream_name":"EVENTS","config":{"name":"x","deliver_subject":"presence.v1.0"}}',
    "CONSUMER.DURABLE.CREATE.EVENTS.mine": b'{"stream_name":"EVENTS","config":{"durable_name":"mine"}}',
    "CONSUMER.PAUSE.EVENTS.recording-room": b'{"pause_until":"2999-01-01T00:00:00Z"}',
    "CONSUMER.RESET.EVENTS.recording-room": b'{"seq":1000}',
    "CONSUMER.DELETE.EVENTS.recording-forgotten": b"",
}
"""What JetStream can be told to do, and how."""


async def held(admin: Bus, service: str) -> dict[str, object]:
    """The streams, what they are, how many messages they hold, and what their consumers are and have delivered, but
    for those of the service itself."""
    found: dict[str, object] = {}
    for info in await admin.js.streams_info():
        found[str(info.config.name)] = info.config, info.state.messages
        for one in await admin.js.consumers_info(str(info.config.name)):
            if not one.name.startswith(f"{service}-"):
                found[f"{info.config.name} {one.name}"] = one.config, one.delivered and one.delivered.stream_seq
    return found


@pytest.mark.parametrize("service", [*subjects.SERVICES, ERASER])
async def test_no_service_has_nats_change_a_stream_or_a_consumer(system: System, service: str) -> None:
    async with await bus_of(system, ADMIN) as admin:
        client = await connected(system, service)
        sequences = [await prepared(system, service, body) for body in CHANGES.values()]
        before = await held(admin, service)
        for change, sequence in zip(CHANGES, sequences, strict=True):
            await have_nats_say(system, client, service, f"$JS.API.{change}", sequence, fetch=False, store=False)
        heard: set[str] = set()

        async def hear(msg: Msg) -> None:
            heard.add(msg.subject)

        await admin.nc.subscribe("witness.*", cb=hear)
        await settled(admin.nc)
        # NATS answers in the order in which it is asked.
        of_streams = [way for way in ways(system, service, fetch=False) if ".CONSUMER." not in way]
        for number, way in enumerate(of_streams):
            await client.publish(way, b'{"seq":1}', reply=f"witness.{number}")
        await eventually(lambda: len(heard) == len(of_streams) or None)
        await client.close()
        assert await held(admin, service) == before


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_who_is_asked_answers_an_inbox_and_nothing_else(system: System, service: str) -> None:
    """NATS can let whoever was asked answer anywhere: a service would ask itself, and speak for another."""
    complaints: list[str] = []
    asked: asyncio.Queue[str] = asyncio.Queue()

    async def complain(error: Exception) -> None:
        complaints.append(str(error).lower())

    async def take(msg: Msg) -> None:
        asked.put_nowait(msg.reply)

    user, password = system.credentials(service)
    inbox = subjects.inbox(service).encode()
    client = await nats.connect(system.nats_url, user=user, password=password, error_cb=complain, inbox_prefix=inbox)
    others = [other for other in subjects.SERVICES if other != service]
    forged = [subjects.event(context, SPACE, "ended") for other in others for context in subjects.CONTEXTS_OF[other]]
    forged += [subjects.command(other, "end_space") for other in others if service != "gateway"]
    forged += ["$JS.API.STREAM.DELETE.EVENTS", "$KV.leases.people.1", subjects.republished("x")]
    question = subjects.query(service, "mine")
    await client.subscribe(question, cb=take)
    for subject in forged:
        await client.publish(question, b"{}", reply=subject, headers=mark(service))
        await client.publish(await asyncio.wait_for(asked.get(), LIMIT), b"{}", headers=mark("another"))
    waiting = asyncio.create_task(client.request(question, b"{}", timeout=LIMIT))
    await client.publish(await asyncio.wait_for(asked.get(), LIMIT), b"to an inbox")
    assert (await waiting).data == b"to an inbox"
    await client.close()
    assert [subject for subject in forged if not any(f'"{subject}"'.lower() in line for line in complaints)] == []


async def test_a_question_whose_answer_would_go_elsewhere_is_not_answered(system: System) -> None:
    """Whoever answered it would say that in its own name."""
    said = subjects.event("room", SPACE, "ended")
    asked: list[str] = []

    async def end(command: EndSpace) -> Accepted[Nothing]:
        asked.append(command.command_id)
        return Accepted(result=Nothing())

    table = Handlers("room")
    table.add(EndSpace, end)
    bad, good = (EndSpace(command_id=id, actor=SPACE, space_id=SPACE).model_dump_json().encode() for id in "ab")
    order = subjects.command("room", EndSpace.name, "7")
    user, password = system.credentials("room")
    async with (
        await connect("room", BusSettings(system.nats_url, user, password)) as room,
        room.serve(table, route="7", hot=True),
    ):
        before = await room.last_sequence()
        client = await connected(system, "gateway")
        await client.publish(order, bad, reply=said, headers=mark("gateway"))
        await settled(client)
        await client.close()
        async with await bus_of(system, ADMIN) as admin:
            assert b"accepted" in (await admin.request(order, good, timeout=LIMIT)).data
        assert await room.last_sequence() == before
    assert asked == ["b"]


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_no_service_has_nats_tell_a_stream_what_is_not_its_own(system: System, service: str) -> None:
    """What a consumer delivers to a stream is left out: that is stored under the subject that it has already."""
    at = datetime.now(UTC)
    lie = Counted(space_id=SPACE, at=at, listeners=666, on_stage=0)
    captured, lease = subjects.capture(SPACE, "s1"), f"$KV.{subjects.LEASES_BUCKET}.room.member.x"
    unreadable: list[Unreadable] = []
    passed: list[int] = []

    async def note(event: Unreadable) -> None:
        unreadable.append(event)

    sequence = await prepared(system, service, lie.model_dump_json().encode())
    async with await bus_of(system, ADMIN) as bus:
        streams = (subjects.EVENTS_STREAM, subjects.CAPTURE_STREAM, f"KV_{subjects.LEASES_BUCKET}")
        before = {stream: await bus.last_sequence(stream) for stream in streams}

        async def is_there(stream: str, subject: str) -> bool:
            with suppress(NotFoundError):
                return ((await bus.js.get_last_msg(stream, subject)).seq or 0) > before[stream]
            return False

        async def all_are_there() -> bool:
            return all([await is_there(*one) for one in zip(streams, (lie.subject, captured, lease), strict=True)])

        client = await connected(system, service)
        for subject in (lie.subject, captured, lease):
            await have_nats_say(system, client, service, subject, sequence, fetch=False)
        await eventually(all_are_there)
        await client.close()

        end = Counted(space_id=new_id(), at=at, listeners=1, on_stage=0)
        await bus.publish_event(end)
        told: list[Event] = []
        async for batch in bus.follow(
            filters=[lie.subject.replace(SPACE, "*")], after=before[streams[0]], unreadable=note, passed=passed.append
        ):
            told += [one.event for one in batch]
            if end in told:
                break
        assert told == [end]
        assert passed
        assert not unreadable
        for stream, subject in zip(streams[1:], (captured, lease), strict=True):
            await bus.js.publish(subject, b"end", headers=mark("media"), stream=stream)
            kept: list[bytes] = []
            async for messages in follow_raw(bus, stream, [subject], before[stream], None, 1000):
                kept += [message.data for message in published(messages)]
                if b"end" in kept:
                    break
            assert kept == [b"end"]


async def test_a_durable_consumer_hands_over_nothing_that_nobody_published(system: System) -> None:
    async with await bus_of(system, ADMIN) as bus:
        lie = Counted(space_id=SPACE, at=datetime.now(UTC), listeners=666, on_stage=0)
        sequence = await prepared(system, "gateway", lie.model_dump_json().encode())
        client = await connected(system, "gateway")
        await have_nats_say(system, client, "gateway", lie.subject, sequence)
        await client.close()
        end = Counted(space_id=new_id(), at=lie.at, listeners=1, on_stage=0)
        await bus.publish_event(end)
        told: list[Event] = []

        async def take(batch: Sequence[Received]) -> None:
            told.extend(one.event for one in batch)

        async with bus.consume("room-of-a-test", take, filters=[lie.subject.replace(SPACE, "*")]):
            await eventually(lambda: end in told or None)
        assert lie not in told
        assert not [letter async for letter in read_letters(bus.js, "room-of-a-test")]


@pytest.mark.parametrize("seconds", [0, LATE + 10])
async def test_what_was_stored_is_not_told_again(system: System, seconds: float) -> None:
    """Analytics has NATS deliver moments to the stream itself. For two minutes it knows them by their ids; the second
    run is what comes of it later, when it has forgotten those."""
    at = datetime.now(UTC)
    told = Counted(space_id=new_id(), at=at, listeners=1, on_stage=0)
    end = Counted(space_id=told.space_id, at=at, listeners=2, on_stage=0)
    seen: list[Event] = []
    handled: list[Event] = []

    async def take(batch: Sequence[Received]) -> None:
        handled.extend(one.event for one in batch)

    async with await bus_of(system, ADMIN) as bus:
        before = await bus.publish_event(told)
        message = await bus.js.get_msg(subjects.EVENTS_STREAM, before)
        client = await connected(system, "analytics")
        headers = dict(message.headers or {})
        if seconds:
            headers |= {"Nats-Msg-Id": new_id(), subjects.HEADER_SAID: str(int(at.timestamp() - seconds))}
            await bus.js.publish(told.subject, message.data or b"", headers=headers)
        fetch = "$JS.API.CONSUMER.MSG.NEXT.EVENTS.analytics-engagement"
        await client.publish(fetch, b'{"batch":10000,"no_wait":true}', reply=told.subject)
        await settled(client)
        await client.close()
        await bus.publish_event(end)
        async for batch in bus.follow(filters=[told.subject], after=before - 1):
            seen += [one.event for one in batch]
            if end in seen:
                break
        async with bus.consume(f"room-of-a-test-{seconds:.0f}", take, filters=[told.subject]):
            await eventually(lambda: end in handled or None)
        assert await bus.last_sequence() > before
    assert seen == handled == [told, end]


async def test_operators_alone_pass_over_an_event(system: System) -> None:
    async with await bus_of(system, ADMIN) as bus:
        stands = Unreadable("room:7", "rostrum.room.v1.x.ended", 7, "it is broken")
        sequence = await prepared(system, "tipping", b"{}")
        client = await connected(system, "tipping")
        await have_nats_say(system, client, "tipping", stands.passed_over_on, sequence)
        await client.close()

        async def is_said() -> bool:
            with suppress(NotFoundError):
                return (await bus.js.get_last_msg(subjects.EVENTS_STREAM, stands.passed_over_on)).seq is not None
            return False

        await eventually(is_said)
        holding = asyncio.create_task(bus.halts.hold("a reader", stands))
        await eventually(lambda: bus.halts.at("a reader"))
        await bus.publish_event(EventPassedOver(at=datetime.now(UTC), event_id=stands.id))
        async with asyncio.timeout(LIMIT):
            await holding
