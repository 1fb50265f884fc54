"""Durable consumers, followers, and what becomes of a message that cannot be handled."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from nats.js.api import StorageType, StreamConfig

from contracts import envelope, subjects
from contracts.captions.v1 import Partial
from contracts.envelope import Event, PersonRef
from contracts.presence import v1 as presence
from libs.aio import end
from libs.bus import Bus, BusSettings, Poison, Received, Retry, StreamReset, connect, each
from libs.bus.declare import declare
from libs.bus.origin import mark
from libs.ids import new_id
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, eventually

SPACE = new_id()
PRESENCE = [subjects.events_of("presence")]


def counted(number: int) -> presence.Counted:
    return presence.Counted(at=datetime.now(UTC), space_id=SPACE, listeners=number, on_stage=0)


async def publish(bus: Bus, *numbers: int) -> None:
    await bus.publish_events([(counted(n), f"c{n}") for n in numbers], timeout=2 * LIMIT)


class Seen:
    """Collects numbers; some make trouble."""

    def __init__(self, bad: dict[int, type[Exception]] | None = None) -> None:
        self.numbers: list[int] = []
        self.tries: dict[int, int] = {}
        self.bad = bad or {}
        self.more = asyncio.Event()

    async def one(self, received: Received) -> None:
        event = received.event
        assert isinstance(event, presence.Counted)
        number = event.listeners
        self.tries[number] = self.tries.get(number, 0) + 1
        if number in self.bad:
            raise self.bad[number](f"number {number}")
        self.numbers.append(number)
        self.more.set()

    async def until(self, number: int, within: float = LIMIT) -> None:
        async with asyncio.timeout(within):
            while number not in self.numbers:
                self.more.clear()
                await self.more.wait()


async def dead(bus: Bus, name: str) -> list[dict[str, str]]:
    """Headers of all dead letters of a consumer."""
    count = await bus.last_sequence(subjects.DEAD_LETTER_STREAM)
    letters = [await bus.js.get_msg(subjects.DEAD_LETTER_STREAM, seq) for seq in range(1, count + 1)]
    return [dict(m.headers or {}) for m in letters if m.subject == subjects.dead_letter("people", name)]


async def until_dead(bus: Bus, name: str, count: int) -> list[dict[str, str]]:
    async def enough() -> list[dict[str, str]] | None:
        letters = await dead(bus, name)
        return letters if len(letters) >= count else None

    return await eventually(enough)


async def test_everything_arrives_in_order_and_is_not_read_again(bus: Bus) -> None:
    await publish(bus, *range(500))
    seen = Seen()
    async with bus.consume("people-a", each(seen.one), filters=PRESENCE):
        await seen.until(499)
        await publish(bus, *range(500, 600))
        await seen.until(599)
    assert seen.numbers == list(range(600))
    again = Seen()
    async with bus.consume("people-a", each(again.one), filters=PRESENCE):
        await publish(bus, 600)
        await again.until(600)
    assert again.numbers == [600]


async def test_a_batch_goes_to_the_handler_as_one(bus: Bus) -> None:
    await publish(bus, *range(100))
    sizes: list[int] = []
    done = asyncio.Event()

    async def handle(batch: Sequence[Received]) -> None:
        sizes.append(len(batch))
        if sum(sizes) >= 100:
            done.set()

    async with bus.consume("people-a", handle, filters=PRESENCE, batch=50):
        await asyncio.wait_for(done.wait(), LIMIT)
    assert max(sizes) > 1
    assert sum(sizes) == 100


async def test_a_poison_message_becomes_a_dead_letter_and_takes_no_other_with_it(bus: Bus) -> None:
    seen = Seen({3: ValueError})
    async with bus.consume("people-a", each(seen.one), filters=PRESENCE, max_deliver=3, retry_delay=0.02):
        await publish(bus, *range(10))
        await until_dead(bus, "people-a", 1)
        await seen.until(9)
        letters = await dead(bus, "people-a")
    assert set(seen.numbers) == set(range(10)) - {3}
    assert len(letters) == 1
    assert letters[0][subjects.HEADER_REASON] == "ValueError: number 3"
    assert letters[0][subjects.HEADER_ORIGIN] == counted(3).subject
    assert letters[0]["ce-id"] == "c3"


async def test_what_the_handler_calls_poison_is_not_tried_again(bus: Bus) -> None:
    seen = Seen({3: Poison})
    async with bus.consume("people-a", each(seen.one), filters=PRESENCE):
        await publish(bus, 3)
        await until_dead(bus, "people-a", 1)
    assert seen.tries[3] == 1


async def test_a_message_that_breaks_its_contract_becomes_a_dead_letter_with_the_reason(bus: Bus) -> None:
    seen = Seen()
    async with bus.consume("people-a", each(seen.one), filters=PRESENCE):
        await bus.js.publish(counted(1).subject, b'{"listeners": "many"}', headers=mark("test"))
        await bus.js.publish(subjects.event("presence", SPACE, "from_the_future"), b"{}", headers=mark("test"))
        await publish(bus, 2)
        await until_dead(bus, "people-a", 1)
        await seen.until(2)
        letters = await dead(bus, "people-a")
    assert "breaks its contract" in letters[0][subjects.HEADER_REASON]
    assert len(letters) == 1, "an event of a newer version is skipped, not buried"


async def test_while_something_is_away_the_consumer_waits_and_keeps_the_order(bus: Bus) -> None:
    seen = Seen({0: Retry})
    async with bus.consume("people-a", each(seen.one), filters=PRESENCE, max_deliver=2):
        await publish(bus, *range(20))
        await eventually(lambda: seen.tries.get(0, 0) >= 4)
        assert seen.numbers == []
        seen.bad.clear()
        await seen.until(19)
    assert seen.numbers == list(range(20))
    assert await dead(bus, "people-a") == []


async def test_a_consumer_that_stops_inside_a_batch_acknowledges_nothing_of_it(bus: Bus) -> None:
    await publish(bus, 1)
    started = asyncio.Event()

    async def stuck(batch: Sequence[Received]) -> None:
        started.set()
        await asyncio.Event().wait()

    consumer = bus.consume("people-a", stuck, filters=PRESENCE)
    await consumer.__aenter__()
    await asyncio.wait_for(started.wait(), LIMIT)
    await consumer.__aexit__(None, None, None)
    info = await bus.js.consumer_info(subjects.EVENTS_STREAM, "people-a")
    assert info.num_ack_pending == 1


async def test_a_consumer_goes_on_after_nats_was_killed_and_started_again(nats: NatsServer, bus: Bus) -> None:
    seen = Seen()
    async with bus.consume("people-a", each(seen.one), filters=PRESENCE):
        await publish(bus, *range(5))
        await seen.until(4)
        nats.kill()
        nats.start()
        await bus.publish_event(counted(77))
        await seen.until(77)
    assert set(seen.numbers) >= {0, 1, 2, 3, 4, 77}


async def test_a_consumer_goes_on_after_its_stream_was_made_anew(bus: Bus) -> None:
    seen = Seen()
    async with bus.consume("people-a", each(seen.one), filters=PRESENCE):
        await publish(bus, 1)
        await seen.until(1)
        await bus.js.delete_stream(subjects.EVENTS_STREAM)
        await declare(bus.js)
        await publish(bus, 2)
        await seen.until(2)


async def test_an_event_published_twice_with_one_id_is_one_event(bus: Bus) -> None:
    first = await bus.publish_event(counted(1), id="same")
    assert await bus.publish_event(counted(1), id="same") == first
    await bus.publish_events([(counted(1), "same"), (counted(2), "other")])
    assert await bus.last_sequence() == 2


async def test_what_a_relay_published_under_a_condition_can_be_buried(bus: Bus) -> None:
    """The condition was for the stream it came from; for the dead letters it does not hold."""
    bad = counted(3)
    headers = envelope.headers(bad, id="3", source="room") | {
        "Nats-Expected-Last-Subject-Sequence": str(await bus.publish_event(counted(2))),
        "Nats-Expected-Last-Subject-Sequence-Subject": subjects.events_of("presence"),
    }
    await bus.js.publish(bad.subject, bad.model_dump_json().encode(), headers=headers)
    seen = Seen({3: ValueError})
    async with bus.consume("people-a", each(seen.one), filters=PRESENCE, max_deliver=1):
        (letter,) = await until_dead(bus, "people-a", 1)
    assert letter["ce-id"] == "3"


async def test_a_moment_goes_when_its_time_is_over_and_a_fact_stays(nats: NatsServer) -> None:
    fact = counted(1)
    async with await connect("people", BusSettings(url=nats.url, moments_kept=1.0)) as bus:
        headers = envelope.headers(fact, id="1", source="people")
        await bus.js.publish(fact.subject, fact.model_dump_json().encode(), headers=headers)
        await bus.publish_event(counted(2))
        await bus.publish_events([(counted(3), "c3")])

        async def only_the_fact() -> bool:
            state = (await bus.js.stream_info(subjects.EVENTS_STREAM)).state
            return (state.messages, state.first_seq) == (1, 1)

        assert await bus.last_sequence() == 3
        await eventually(only_the_fact)
        # Whoever follows goes over the holes.
        await bus.js.publish(fact.subject, fact.model_dump_json().encode(), headers=headers | {"Nats-Msg-Id": "4"})
        told: list[int] = []
        async for batch in bus.follow(filters=PRESENCE):
            told += [received.sequence for received in batch]
            if told[-1] == 4:
                break
        assert told == [1, 4]


async def test_streams_that_are_as_declared_are_not_touched(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    async def changed(config: StreamConfig) -> None:
        pytest.fail(f"{config.name} would be changed at every start")

    monkeypatch.setattr(bus.js, "update_stream", changed)
    assert await declare(bus.js) == {}


async def test_a_stream_of_an_earlier_version_becomes_what_is_declared(nats: NatsServer) -> None:
    async with await connect("people", BusSettings(url=nats.url)) as bus:
        await bus.js.delete_stream(subjects.EVENTS_STREAM)
        await bus.js.add_stream(
            StreamConfig(
                name=subjects.EVENTS_STREAM, subjects=[subjects.EVENTS_SUBJECTS], storage=StorageType.FILE,
                duplicate_window=120.0, max_msgs=1_000_000,
            )
        )  # fmt: skip
        old = [f"rostrum.captions.v1.{SPACE}.partial", counted(1).subject]
        for subject in old:
            await bus.js.publish(subject, b"{}")
        epoch = await bus.stream_epoch()
    async with await connect("people", BusSettings(url=nats.url)) as bus:
        info = await bus.js.stream_info(subjects.EVENTS_STREAM)
        assert (info.config.allow_msg_ttl, info.config.allow_atomic, info.config.allow_direct) == (True, True, True)
        assert info.config.max_msgs == 1_000_000, "what is not declared stays as it was set"
        assert bus.epoch_of(info) == epoch, "it is the same stream: nobody has to begin anew"
        assert (info.state.messages, info.state.last_seq) == (1, 2), "captions as they were spoken are kept no longer"
        await bus.publish_event(counted(2))
        before = info.config
        await bus.declare()
        assert (await bus.js.stream_info(subjects.EVENTS_STREAM)).config == before


async def test_whoever_may_not_change_an_older_stream_goes_on_without_an_end_of_moments(nats: NatsServer) -> None:
    async with await connect("people", BusSettings(url=nats.url)) as bus:
        await bus.js.delete_stream(subjects.EVENTS_STREAM)
        await bus.js.add_stream(
            StreamConfig(name=subjects.EVENTS_STREAM, subjects=[subjects.EVENTS_SUBJECTS], allow_direct=True)
        )
    nats.kill()
    limits = {"publish": {"allow": [">"], "deny": ["$JS.API.STREAM.UPDATE.>"]}}
    users = nats.directory / "users.json"
    users.write_text(json.dumps({"authorization": {"users": [{"user": "a", "password": "b", "permissions": limits}]}}))
    nats.command = [*nats.command, "--config", str(users)]
    nats.start()
    async with await connect("people", BusSettings(url=nats.url, user="a", password="b")) as bus:
        assert not bus.moments_end
        assert await bus.publish_event(counted(1)) == 1


async def test_what_is_told_reaches_who_listens_and_is_kept_nowhere(bus: Bus) -> None:
    heard: asyncio.Queue[Event] = asyncio.Queue()
    await bus.hear(heard.put_nowait)
    at = datetime.now(UTC)
    person = PersonRef(id=new_id(), handle="ann", name="Ann")
    partial = Partial(space_id=SPACE, at=at, caption_id="c", person=person, lang="en", text="Hel", start_at=at)
    for subject, body in ((partial.subject, b"{"), (subjects.passing_event("captions", SPACE, "newer"), b"{}")):
        await bus.say(subject, body)
    await bus.tell(partial)
    assert await asyncio.wait_for(heard.get(), LIMIT) == partial
    assert await bus.last_sequence() == 0
    with pytest.raises(TypeError):
        await bus.tell(counted(1))


async def test_following_starts_after_a_place_and_goes_on_through_a_restart_of_nats(nats: NatsServer, bus: Bus) -> None:
    await publish(bus, *range(10))
    got: list[int] = []

    async def follow() -> None:
        async for batch in bus.follow(filters=PRESENCE, after=4, epoch=await bus.stream_epoch()):
            got.extend(received.sequence for received in batch)

    task = asyncio.create_task(follow())
    await eventually(lambda: got == [5, 6, 7, 8, 9, 10])
    nats.kill()
    nats.start()
    await bus.publish_event(counted(99))
    await eventually(lambda: got[-1] >= 11)
    await end(task)
    assert got == list(range(5, got[-1] + 1)), "no gap, no doubling"


async def test_following_a_stream_that_was_made_anew_says_so(bus: Bus) -> None:
    await publish(bus, 1, 2)
    epoch = await bus.stream_epoch()
    await bus.js.delete_stream(subjects.EVENTS_STREAM)
    await declare(bus.js)
    assert await bus.stream_epoch() != epoch
    with pytest.raises(StreamReset):
        async for _ in bus.follow(filters=PRESENCE, after=2, epoch=epoch):
            pass


async def test_nine_services_that_start_at_once_declare_the_streams_once(nats: NatsServer) -> None:
    buses = await asyncio.gather(*(connect(name, BusSettings(url=nats.url)) for name in subjects.SERVICES))
    names = {info.config.name for info in await buses[0].js.streams_info()}
    assert names == {"EVENTS", "CAPTURE", "DEAD_LETTERS", "KV_leases", "KV_nodes"}
    await asyncio.gather(*(bus.close() for bus in buses))
