"""On the bus, a service can say only what is its own to say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig

from contracts import subjects
from contracts.commands import Accepted, Nothing
from contracts.consumers import DURABLE, RECORDING_REPORTS, before
from contracts.people import v1 as people
from contracts.room.v1 import EndSpace
from infra.launcher import System
from infra.nats.permissions import COMMANDS_TO, ERASER
from infra.nats.server import ADMIN
from libs.bus import BusSettings, Handlers, Raw, connect
from libs.bus.declare import consumer_config, declare_consumers
from libs.bus.declare import streams as streams_declared
from libs.bus.origin import mark
from libs.bus.stored import StreamReader
from libs.migration import Step
from tests.support.nats import settled
from tests.support.waiting import LIMIT, eventually

DUMMY = "tests.support.dummy_service:serve"
pytestmark = pytest.mark.asyncio(loop_scope="module")

KEY = "01jd0000000000000000000000"

EVENTS: dict[str, tuple[str, ...]] = {
    service: ("rostrum.*.v1.*.*",) for service in subjects.SERVICES if service != "analytics"
}
STREAMS: dict[str, dict[str, tuple[str, ...]]] = {
    "EVENTS": EVENTS,
    "CAPTURE": {"transcription": ("capture.v1.*.*",)},
    "DEAD_LETTERS": {},
    "KV_leases": {"room": ("$KV.leases.room.>",)},
    "KV_nodes": {},
    "OTHER": {},
}
"""Every stream, one that does not exist, and who follows it and hears what of it."""
FOLLOWED = {service: [name for name, by in STREAMS.items() if service in by] for service in subjects.SERVICES}
READ = {"analytics": ["EVENTS"], "recording": ["CAPTURE"]}
"""The streams that a service reads parts of without following them."""
LOOKED_AT = {"gateway": ("KV_leases", "KV_nodes")}
"""The streams of which a service gets single messages besides."""
_DROPPED = "passing.people.v1.*.keys_dropped"
HEARD = {
    "room": ("presence.v1.*", _DROPPED),
    "media": ("node.v1.*.alive", "rtp.v1.*", "rtp.v1.*.wanted", _DROPPED),
    "recording": ("rtp.v1.*", _DROPPED),
    "transcription": (_DROPPED,),
    "tipping": (_DROPPED,),
    "discovery": (_DROPPED,),
    "notifications": (_DROPPED,),
    "gateway": ("passing.*.v1.*.*", "node.v1.*.alive", "service.v1.*.*.status", _DROPPED),
}
"""What is heard on core NATS, but for requests and answers."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """NATS with the users of a real system, and no services."""
    var: Path = tmp_path_factory.mktemp("var")
    async with System(var, services=(), entry=DUMMY, preload=()) as running:
        yield running


async def connected(system: System, name: str) -> Client:
    user, password = system.credentials(name)
    return await nats.connect(system.nats_url, user=user, password=password, inbox_prefix=subjects.inbox(name).encode())


async def refused(system: System, service: str, wanted: list[str], *, listening: bool = False) -> set[str]:
    """Which of these subjects the server would not let the service publish to, or listen to."""
    complaints: list[str] = []

    async def complain(error: Exception) -> None:
        complaints.append(str(error))

    user, password = system.credentials(service)
    client: Client = await nats.connect(system.nats_url, user=user, password=password, error_cb=complain)
    try:
        for subject in wanted:
            await (client.subscribe(subject) if listening else client.publish(subject, b"{}"))
        await settled(client)
    finally:
        await client.close()
    return {subject for subject in wanted if any(f'"{subject}"'.lower() in line.lower() for line in complaints)}


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_events_of_other_contexts_are_refused(system: System, service: str) -> None:
    contexts = sorted({context for owned in subjects.CONTEXTS_OF.values() for context in owned})
    by_context = {context: subjects.event(context, KEY, "happened") for context in contexts}
    foreign = {by_context[context] for context in contexts if context not in subjects.CONTEXTS_OF[service]}
    assert await refused(system, service, list(by_context.values())) == foreign


@pytest.mark.parametrize("service", [service for service in subjects.SERVICES if service != "media"])
async def test_only_media_captures_and_relays_audio(system: System, service: str) -> None:
    sound = [
        subjects.capture(KEY, KEY),
        subjects.relayed_audio(KEY),
        subjects.node_heartbeat("n1"),
        f"$KV.{subjects.NODES_BUCKET}.n1",
    ]
    assert await refused(system, service, sound) == set(sound)
    assert await refused(system, "media", sound) == set()


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_only_recording_asks_media_nodes_for_audio(system: System, service: str) -> None:
    wanted = [subjects.wanted_audio(KEY)]
    assert await refused(system, service, wanted) == (set() if service == "recording" else set(wanted))


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_only_recording_says_what_running_spaces_sound_like_and_only_gateways_hear_it(
    system: System, service: str
) -> None:
    sound = [subjects.live_audio(KEY)]
    assert await refused(system, service, sound) == (set() if service == "recording" else set(sound))
    assert await refused(system, service, sound, listening=True) == (set() if service == "gateway" else set(sound))


@pytest.mark.parametrize("service", [service for service in subjects.SERVICES if service != "gateway"])
async def test_only_the_gateway_orders_everybody(system: System, service: str) -> None:
    orders = [subjects.command(other, "act") for other in subjects.SERVICES if other != service]
    assert await refused(system, "gateway", orders) == set()
    assert await refused(system, service, orders) == set(orders) - allowed_orders(service)


def allowed_orders(service: str) -> set[str]:
    """What a service may order besides itself, as the table says it."""
    return {subjects.command(other, "act") for other in COMMANDS_TO.get(service, ())}


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_everybody_may_ask_everybody(system: System, service: str) -> None:
    assert await refused(system, service, [subjects.query(other, "tell") for other in subjects.SERVICES]) == set()


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_keys_are_for_the_services_that_need_them(system: System, service: str) -> None:
    locks = subjects.query("people", people.LocksQuery.name)
    units, whole, acknowledge = (
        subjects.command("people", order.name)
        for order in (people.DestroyUnits, people.DestroySubjects, people.AcknowledgeDrop)
    )
    needed = {
        "people": {locks, units, whole, acknowledge},
        "room": {locks, units, whole, acknowledge},
        "recording": {locks, units, acknowledge},
        "transcription": {locks, units, acknowledge},
        "media": {locks, acknowledge},
        "gateway": {locks, acknowledge},
        "tipping": {locks, units, acknowledge},
        "discovery": {locks, acknowledge},
        "notifications": {locks, units, whole, acknowledge},
    }
    every = [locks, units, whole, acknowledge]
    assert await refused(system, service, every) == set(every) - needed.get(service, set())


async def test_an_answer_is_heard_by_the_service_that_asked_and_by_no_other(system: System) -> None:
    complaints: list[str] = []

    async def complain(error: Exception) -> None:
        complaints.append(str(error))

    user, password = system.credentials("tipping")
    client = await nats.connect(system.nats_url, user=user, password=password, error_cb=complain)
    for subject in ("_INBOX.>", "_INBOX.room.>", "_INBOX.*.*"):
        await client.subscribe(subject)
    await settled(client)
    await client.close()
    assert len([line for line in complaints if "permissions violation for subscription" in line.lower()]) == 3


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_nobody_deletes_or_changes_a_stream(system: System, service: str) -> None:
    harm = [f"$JS.API.STREAM.{verb}.{subjects.EVENTS_STREAM}" for verb in ("DELETE", "PURGE", "UPDATE", "MSG.DELETE")]
    assert await refused(system, service, harm) == set(harm)


async def test_the_eraser_deletes_single_messages_of_two_streams_and_says_and_orders_nothing(system: System) -> None:
    api = f"{system.nats_api(ERASER)}.STREAM"
    may = [f"{api}.MSG.DELETE.{stream}" for stream in (subjects.EVENTS_STREAM, subjects.DEAD_LETTER_STREAM)]
    harm = [f"{api}.{verb}.{subjects.EVENTS_STREAM}" for verb in ("DELETE", "PURGE", "UPDATE")]
    harm += [f"{api}.MSG.DELETE.{subjects.CAPTURE_STREAM}", f"$JS.API.STREAM.MSG.DELETE.{subjects.EVENTS_STREAM}"]
    harm += [f"$JS.API.CONSUMER.CREATE.{subjects.EVENTS_STREAM}"]
    harm += [subjects.event("people", KEY, "erased"), subjects.command("people", "erase_person", "any")]
    harm += [subjects.query("people", people.LocksQuery.name, "any")]
    assert await refused(system, ERASER, [*may, *harm]) == set(harm)
    foreign = ["stored.rostrum.room.v1.*.pinned", "passing.people.v1.*.keys_dropped", f"{subjects.inbox('room')}.>"]
    assert await refused(system, ERASER, foreign, listening=True) == set(foreign)


async def test_a_service_takes_no_lease_in_the_name_of_another(system: System) -> None:
    mine, theirs = f"$KV.{subjects.LEASES_BUCKET}.room.1", f"$KV.{subjects.LEASES_BUCKET}.people.1"
    assert await refused(system, "room", [mine, theirs]) == {theirs}


async def test_a_service_does_not_hear_what_others_are_ordered(system: System) -> None:
    complaints: list[str] = []

    async def complain(error: Exception) -> None:
        complaints.append(str(error))

    user, password = system.credentials("tipping")
    client = await nats.connect(system.nats_url, user=user, password=password, error_cb=complain)
    await client.subscribe(subjects.commands("room", "*"))
    await settled(client)
    await client.close()
    assert any("permissions violation for subscription" in line.lower() for line in complaints)


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_a_service_reads_its_own_durable_consumers_only(system: System, service: str) -> None:
    mine: set[str] = set()
    theirs: set[str] = set()
    for one, called in [(each, name) for each in DURABLE for name in (each.name, before(each.name))]:
        name = f"{one.stream}.{called}"
        reads = {f"$JS.API.CONSUMER.{verb}.{name}" for verb in ("INFO", "MSG.NEXT", "RESET")}
        (mine if one.service == service else theirs).update(reads | {f"$JS.ACK.{name}.1.2.3.4.5"})
    theirs |= {f"$JS.API.CONSUMER.MSG.NEXT.{stream}.of-another" for stream in STREAMS}
    assert await refused(system, service, sorted(theirs | mine)) == theirs


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_a_service_makes_no_consumer_and_ends_none(system: System, service: str) -> None:
    names = [(one.stream, one.name) for one in DURABLE] + [(stream, "x") for stream in STREAMS]
    verbs = ("CREATE", "DURABLE.CREATE", "DELETE", "PAUSE", "UNPIN", "LEADER.STEPDOWN")
    harm = {f"$JS.API.CONSUMER.{verb}.{stream}.{name}" for stream, name in names for verb in verbs}
    harm |= {f"$JS.API.CONSUMER.CREATE.{stream}.x.{subjects.EVENTS_SUBJECTS}" for stream in STREAMS}
    harm |= {f"$JS.API.CONSUMER.{verb}.{stream}" for stream in STREAMS for verb in ("CREATE", "LIST", "NAMES")}
    assert await refused(system, service, sorted(harm)) == harm


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_a_service_reads_only_the_streams_it_must(system: System, service: str) -> None:
    page, message = "$JS.API.DIRECT.GET.{}", "$JS.API.STREAM.MSG.GET.{}"
    reads = {way.format(stream) for stream in STREAMS for way in (page, message, "$JS.API.DIRECT.GET.{}.rostrum.x")}
    may = {way.format(stream) for stream in FOLLOWED[service] + READ.get(service, []) for way in (page, message)}
    may |= {message.format(stream) for stream in LOOKED_AT.get(service, ())}
    assert await refused(system, service, sorted(reads)) == reads - may


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_a_service_listens_only_to_what_it_must(system: System, service: str) -> None:
    may = {
        *(subjects.republished(heard) for stream in FOLLOWED[service] for heard in STREAMS[stream].get(service, ())),
        *HEARD.get(service, ()),
        *(asked.format(service) for asked in ("command.{}.v1.*.*", "query.{}.v1.*.*", "retry.v1.{}.*", "_INBOX.{}.>")),
        *(subjects.relay_check(context) for context in subjects.CONTEXTS_OF[service]),
        *([subjects.migration(service, "*")] if service in subjects.STORED_CONTEXTS else []),
    }
    every = {
        *(subjects.republished(subject) for heard in STREAMS.values() for one in heard.values() for subject in one),
        *(heard for one in HEARD.values() for heard in one),
        *(asked.format(other) for other in subjects.SERVICES for asked in ("command.{}.v1.*.*", "query.{}.v1.*.*")),
        *(asked.format(other) for other in subjects.SERVICES for asked in ("retry.v1.{}.*", "_INBOX.{}.>")),
        *(subjects.relay_check(context) for contexts in subjects.CONTEXTS_OF.values() for context in contexts),
        *("stored.>", "rostrum.>", "capture.>", "deadletter.>", "$KV.>", "$JS.>", "$SYS.>", "_INBOX.>", ">"),
        *("presence.>", "passing.>", "node.>", "service.>", "rtp.>", "command.>", "query.>", "relay.>"),
        *(subjects.migration(context, "*") for context in subjects.STORED_CONTEXTS),
        "migration.>",
    }
    assert await refused(system, service, sorted(every), listening=True) == every - may


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_no_service_has_facts_rewritten(system: System, service: str) -> None:
    orders = {subjects.migration(context, step) for context in subjects.STORED_CONTEXTS for step in Step}
    assert await refused(system, service, sorted(orders)) == orders
    assert await refused(system, ADMIN, sorted(orders)) == set()


@pytest.mark.parametrize("service", subjects.SERVICES)
async def test_nobody_speaks_in_the_name_of_a_stream(system: System, service: str) -> None:
    said = {
        subjects.republished(subject)
        for subject in (subjects.event("room", KEY, "ended"), subjects.capture(KEY, KEY), "$KV.leases.room.1", "x")
    }
    assert await refused(system, service, sorted(said)) == said


async def test_the_table_of_streams_is_whole() -> None:
    assert {*STREAMS} == {"OTHER", *(one.name for one in streams_declared())}


async def test_nobody_speaks_for_another_through_a_consumer(system: System) -> None:
    """NATS delivers with its own permissions: a push consumer could say what its maker may not. Should anybody come to
    make one all the same, nobody listens to it."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    delivered: asyncio.Queue[str] = asyncio.Queue()
    ended: list[str] = []

    async def hear(msg: Msg) -> None:
        heard.put_nowait(msg.data)

    async def watch(client: Client, subject: str) -> None:
        async def saw(msg: Msg) -> None:
            delivered.put_nowait(subject)  # the message itself keeps the one that it was stored under

        await client.subscribe(subject, cb=saw)

    async def end(command: EndSpace) -> Accepted[Nothing]:
        ended.append(command.command_id)
        return Accepted(result=Nothing())

    table = Handlers("room")
    table.add(EndSpace, end)
    said, presence = subjects.event("people", KEY, EndSpace.name), subjects.presence(0)
    orders = [subjects.command("room", EndSpace.name, route) for route in ("0", "1")]
    forged, meant = (EndSpace(command_id=id, actor=KEY, space_id=KEY).model_dump_json().encode() for id in "ab")
    user, password = system.credentials("room")
    async with (
        await connected(system, ADMIN) as witness,
        await connected(system, "people") as other,
        await connect("room", BusSettings(url=system.nats_url, user=user, password=password)) as room,
        room.serve(table, route="0", hot=True),
        room.serve(table, route="1"),
    ):
        await room.listen(presence, hear)
        for subject in (presence, *orders):
            await watch(witness, subject)
        for client in (witness, room.nc):
            await settled(client)
        await other.jetstream().publish(said, forged, headers=mark("test"))
        for subject in (presence, *orders):
            config = ConsumerConfig(deliver_subject=subject, ack_policy=AckPolicy.NONE, filter_subject=said)
            await witness.jetstream(prefix=system.nats_api()).add_consumer(subjects.EVENTS_STREAM, config)
        assert {await asyncio.wait_for(delivered.get(), LIMIT) for _ in range(3)} == {presence, *orders}
        await witness.publish(presence, b"true", headers=mark("test"))
        assert await asyncio.wait_for(heard.get(), LIMIT) == b"true", "what the consumer delivered is refused"
        for order in orders:
            assert b"accepted" in (await witness.request(order, meant, timeout=LIMIT, headers=mark("test"))).data
    assert ended == ["b", "b"]


async def test_a_service_reads_the_past_of_what_its_consumer_reads_only_now(system: System) -> None:
    one, stream = RECORDING_REPORTS, subjects.EVENTS_STREAM
    first, second, *_ = (subject.replace("*", KEY) for subject in one.filters)
    got: list[str] = []

    async def take(batch: Sequence[Raw]) -> None:
        got.extend(raw.subject for raw in batch)

    async with await connected(system, ADMIN) as admin:
        js = admin.jetstream(prefix=system.nats_api())
        await js.add_consumer(stream, consumer_config(one.name, one.filters[:1]))
        for subject in (second, first):
            await js.publish(subject, b"{}", headers=mark("people"))
        reading = await admin.jetstream().pull_subscribe_bind(one.name, stream)
        await (await reading.fetch(1))[0].ack_sync()
        await declare_consumers(js, ("recording",))
    user, password = system.credentials("recording")
    async with (
        await connect("recording", BusSettings(url=system.nats_url, user=user, password=password)) as bus,
        bus.consume_raw(one.name, take, stream=stream, filters=one.filters, exclusive=True),
    ):
        await eventually(lambda: got == [second])


async def test_analytics_reads_parts_of_the_stream_of_events(system: System) -> None:
    user, password = system.credentials("analytics")
    async with await connected(system, "room") as room:
        told = await room.jetstream().publish(subjects.event("room", KEY, "ended"), b"{}", headers=mark("room"))
    async with (
        await connect("analytics", BusSettings(url=system.nats_url, user=user, password=password)) as bus,
        StreamReader(bus.nc, subjects.EVENTS_STREAM) as reader,
    ):
        page = await reader.page(told.seq, None, 1)
    assert [message.sequence for message in page.messages] == [told.seq]


async def test_a_stranger_is_refused(system: System) -> None:
    with pytest.raises(nats.errors.Error, match="Authorization"):
        await nats.connect(system.nats_url, user="room", password="guess", allow_reconnect=False)


async def test_the_streams_are_there_before_any_service(system: System) -> None:
    async with await connected(system, "room") as client:
        for stream in (subjects.EVENTS_STREAM, subjects.CAPTURE_STREAM, subjects.DEAD_LETTER_STREAM):
            assert (await client.jetstream().stream_info(stream)).config.name == stream
