"""Whoever follows a stream gets all of it, in order, each message once, and needs no consumer for that."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest
from nats.js.api import AckPolicy, ConsumerConfig

from contracts import subjects
from contracts.presence import v1 as presence
from libs.aio import end
from libs.bus import Bus, BusSettings, StreamReset, Unavailable, connect
from libs.bus import follow as following
from libs.bus import tail as tails
from libs.bus.declare import declare, streams
from libs.bus.follow import follow_raw
from libs.bus.stored import Page, StreamReader
from libs.bus.tail import Tail
from libs.ids import new_id
from tests.support.nats import NatsServer, settled
from tests.support.waiting import LIMIT, eventually

OURS, THEIRS = new_id(), new_id()
ALL = [subjects.EVENTS_SUBJECTS]


def counted(number: int, space_id: str = OURS) -> presence.Counted:
    return presence.Counted(at=datetime.now(UTC), space_id=space_id, listeners=number, on_stage=0)


async def publish(bus: Bus, *numbers: int, space_id: str = OURS) -> None:
    await bus.publish_events([(counted(n, space_id), f"c{n}") for n in numbers], timeout=2 * LIMIT)


@asynccontextmanager
async def followed(bus: Bus, filters: Sequence[str] = ALL, after: int = 0) -> AsyncIterator[list[int]]:
    """The numbers that came so far."""
    got: list[int] = []
    epoch = await bus.stream_epoch()

    async def follow() -> None:
        async for batch in bus.follow(filters=filters, after=after, epoch=epoch):
            for received in batch:
                assert isinstance(received.event, presence.Counted)
                got.append(received.event.listeners)

    task = asyncio.create_task(follow())
    try:
        yield got
        assert not task.done()
    finally:
        await end(task)


async def until(got: list[int], last: int) -> None:
    await eventually(lambda: bool(got) and got[-1] == last)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Where each page began that was read of a stream."""
    starts: list[int] = []
    read = StreamReader.page

    async def page(self: StreamReader, start: int, subject: str | None, most: int, most_bytes: int) -> Page:
        starts.append(start)
        return await read(self, start, subject, most, most_bytes)

    monkeypatch.setattr(StreamReader, "page", page)
    return starts


def lose(monkeypatch: pytest.MonkeyPatch, lost: Callable[[bytes], bool]) -> None:
    """Have messages lost on the way to the follower."""
    hear = Tail._hear

    def hear_some(self: Tail, subject: bytes, reply: bytes | None, data: bytes, headers: bytes | None) -> None:
        if not lost(data):
            hear(self, subject, reply, data, headers)

    monkeypatch.setattr(Tail, "_hear", hear_some)


def number_in(data: bytes) -> int:
    return int(json.loads(data)["listeners"])


async def test_what_is_new_is_heard_without_a_consumer_or_a_question(bus: Bus, pages: list[int]) -> None:
    await publish(bus, 1, 2, 3)
    async with followed(bus, after=1) as got:
        await until(got, 3)
        read = len(pages)
        for number in range(4, 30):
            await publish(bus, number)
        await until(got, 29)
        info = await bus.js.stream_info(subjects.EVENTS_STREAM)
    assert got == list(range(2, 30))
    assert len(pages) == read, "nothing was asked for"
    assert info.state.consumer_count == 0


async def test_events_of_others_in_between_are_no_loss(bus: Bus, pages: list[int]) -> None:
    filters = [subjects.event("presence", OURS, "counted"), subjects.event("presence", OURS, "reacted")]
    await publish(bus, 1, space_id=THEIRS)
    await publish(bus, 2)
    async with followed(bus, filters) as got:
        await until(got, 2)
        await publish(bus, 3)
        await until(got, 3)
        read = len(pages)
        for number in range(4, 60):
            await publish(bus, number, space_id=THEIRS if number % 3 else OURS)
        await until(got, 57)
    assert got == [2, *range(3, 60, 3)]
    assert len(pages) == read, "a server that is alone loses nothing"


@pytest.mark.parametrize("filters", [ALL, [subjects.event("presence", OURS, "*"), subjects.events_of("people")]])
async def test_what_is_lost_between_servers_is_read(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, filters: list[str]
) -> None:
    monkeypatch.setattr(tails, "is_lossless", lambda nc: False)
    lose(monkeypatch, lambda data: number_in(data) % 5 in {2, 3})
    async with followed(bus, filters) as got:
        for number in range(1, 50):
            await publish(bus, number, space_id=OURS if filters == ALL or number % 4 else THEIRS)
        await until(got, 49)
    assert got == [number for number in range(1, 50) if filters == ALL or number % 4], "no gap, no doubling, in order"


async def test_whoever_is_too_slow_for_the_server_reads_what_it_missed(nats: NatsServer) -> None:
    limits = nats.directory / "limits.json"
    limits.write_text(json.dumps({"max_pending": 8_000_000}))
    nats.kill()
    nats.command = [*nats.command, "--config", str(limits)]
    nats.start()
    got: list[int] = []
    async with (
        await connect("people", BusSettings(url=nats.url)) as bus,
        await connect("room", BusSettings(url=nats.url)) as other,
    ):

        async def follow() -> None:
            async for batch in follow_raw(bus, subjects.EVENTS_STREAM, [subjects.events_of("room")], 0, None, 100):
                got.extend(message.sequence for message in batch)

        async def publish_large() -> None:
            await other.js.publish(subjects.event("room", OURS, "x"), bytes(100_000))

        task = asyncio.create_task(follow())
        await publish_large()
        await until(got, 1)
        reading = bus.nc._transport._io_reader._transport  # type: ignore[union-attr]
        reading.pause_reading()
        while "Slow Consumer" not in nats.log.read_text():
            await publish_large()
        for _ in range(3):
            await publish_large()
        last = await other.last_sequence()
        reading.resume_reading()
        await until(got, last)
        await end(task)
    assert got == list(range(1, last + 1))


async def test_what_came_while_the_stream_was_looked_at_hides_nothing(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = following._Follower._end

    async def look_later(self: following._Follower) -> int:
        await publish(bus, 3)
        return await look(self)

    monkeypatch.setattr(following._Follower, "_end", look_later)
    await publish(bus, 1, 2)
    async with followed(bus) as got:
        await until(got, 3)
    assert got == [1, 2, 3]


async def test_what_came_while_the_connection_was_away_is_read(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    lose(monkeypatch, lambda data: number_in(data) in {2, 3})
    async with followed(bus) as got:
        await publish(bus, 1)
        await until(got, 1)
        bus.disconnected()
        await publish(bus, 2, 3, 4)
        await until(got, 4)
    assert got == [1, 2, 3, 4]


async def test_what_is_published_while_nats_is_away_is_not_kept_to_be_sent_late(nats: NatsServer, bus: Bus) -> None:
    """It says when it was sent: the stream would take it too late, and what is sent again as its double."""
    nats.stop()
    await eventually(lambda: not bus.is_connected)
    with pytest.raises(Unavailable):
        await bus.publish_events([(counted(1), "c1")], timeout=0.1)
    nats.start()
    await eventually(lambda: bus.is_connected)
    async with followed(bus) as got:
        await publish(bus, 2)
        await until(got, 2)
    assert got == [2]


async def test_the_newest_one_that_is_lost_is_missed_too(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "is_lossless", lambda nc: False)
    monkeypatch.setattr(following, "_SILENCE", 0.2)
    lose(monkeypatch, lambda data: number_in(data) == 3)
    async with followed(bus) as got:
        await publish(bus, 1, 2)
        await until(got, 2)
        await publish(bus, 3)
        await until(got, 3)
    assert got == [1, 2, 3]


async def test_a_slow_follower_reads_what_does_not_fit_into_memory(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, pages: list[int]
) -> None:
    monkeypatch.setattr(tails, "_MOST_BYTES", 2_000)
    got: list[int] = []
    read_at_first: list[int] = []

    async def follow() -> None:
        async for batch in bus.follow(filters=ALL, batch=20):
            if not got:
                read_at_first.append(len(pages))
                await publish(bus, *range(2, 200))
            got.extend(received.sequence for received in batch)

    await publish(bus, 1)
    task = asyncio.create_task(follow())
    await until(got, 199)
    await end(task)
    assert got == list(range(1, 200))
    assert len(pages) > read_at_first[0]


async def test_a_stream_that_is_made_anew_meanwhile_is_noticed(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_SILENCE", 60.0)  # at once, by the first message of the new one
    await publish(bus, 1, 2, 3)
    epoch = await bus.stream_epoch()
    seen = asyncio.Event()

    async def follow() -> None:
        async for batch in bus.follow(filters=ALL, epoch=epoch):
            assert [received.sequence for received in batch] == [1, 2, 3]
            seen.set()

    task = asyncio.create_task(follow())
    await asyncio.wait_for(seen.wait(), LIMIT)
    await bus.js.delete_stream(subjects.EVENTS_STREAM)
    await declare(bus.js)
    await publish(bus, 4)
    with pytest.raises(StreamReset) as reset:
        await asyncio.wait_for(task, LIMIT)
    assert reset.value.epoch == await bus.stream_epoch()


async def test_a_stream_of_an_earlier_version_is_followed_until_it_is_changed(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_SILENCE", 60.0)
    config = next(one for one in streams() if one.name == subjects.EVENTS_STREAM)
    await bus.js.delete_stream(subjects.EVENTS_STREAM)
    await bus.js.add_stream(config.evolve(republish=None))
    async with followed(bus) as got:
        await publish(bus, 1)
        await until(got, 1)
        await publish(bus, 2, 3)
        await until(got, 3)
        await bus.js.update_stream(config)
        monkeypatch.setattr(following, "_NOT_REPUBLISHED", 60.0)
        await publish(bus, 4)
        await until(got, 4)
    assert got == [1, 2, 3, 4]


async def test_only_what_the_stream_has_is_believed(nats: NatsServer, bus: Bus) -> None:
    """Whoever could have NATS deliver to where streams are heard would tell followers nothing but the truth."""
    forged = counted(99)
    body = forged.model_dump_json().encode()
    heard_at = subjects.republished(forged.subject)
    lies = {
        "Nats-Stream": subjects.EVENTS_STREAM,
        "Nats-Subject": forged.subject,
        "Nats-Sequence": "2",
        "Nats-Time-Stamp": datetime.now(UTC).isoformat(),
        "Nats-Last-Sequence": "1",
    }
    async with followed(bus) as got, await connect("tipping", BusSettings(url=nats.url)) as other:
        await publish(bus, 1)
        await until(got, 1)
        letter = await other.js.publish(subjects.dead_letter("tipping", "x"), body, headers=lies)
        delivered: asyncio.Queue[dict[str, str] | None] = asyncio.Queue()

        async def saw(msg: object) -> None:
            delivered.put_nowait(getattr(msg, "headers", None))

        await other.nc.subscribe(heard_at, cb=saw)
        await settled(other.nc)
        ask = json.dumps({"seq": letter.seq}).encode()
        await other.nc.publish(f"$JS.API.DIRECT.GET.{subjects.DEAD_LETTER_STREAM}", ask, reply=heard_at)
        await asyncio.wait_for(delivered.get(), LIMIT)
        bare = json.dumps({"seq": letter.seq, "no_hdr": True}).encode()
        await other.nc.publish(f"$JS.API.DIRECT.GET.{subjects.DEAD_LETTER_STREAM}", bare, reply=heard_at)
        await asyncio.wait_for(delivered.get(), LIMIT)
        config = ConsumerConfig(deliver_subject=heard_at, ack_policy=AckPolicy.NONE)
        await other.js.add_consumer(subjects.DEAD_LETTER_STREAM, config)
        await asyncio.wait_for(delivered.get(), LIMIT)
        # And an old message of the stream itself, sent again.
        again = json.dumps({"seq": 1}).encode()
        await other.nc.publish(f"$JS.API.DIRECT.GET.{subjects.EVENTS_STREAM}", again, reply=heard_at)
        await asyncio.wait_for(delivered.get(), LIMIT)
        await publish(bus, 2, 3)
        await until(got, 3)
    assert got == [1, 2, 3]


async def test_a_follower_that_is_left_hears_nothing_any_more(bus: Bus) -> None:
    before = len(bus.nc._subs)
    await publish(bus, 1)
    events = bus.follow(filters=ALL)
    async for _ in events:
        break
    with suppress(StopAsyncIteration):
        await events.aclose()  # type: ignore[attr-defined]
    await eventually(lambda: len(bus.nc._subs) <= before + 1)  # answers keep theirs


def test_a_message_is_said_again_where_nobody_else_speaks() -> None:
    assert subjects.republished(subjects.event("room", OURS, "ended")) == f"stored.rostrum.room.v1.{OURS}.ended"
