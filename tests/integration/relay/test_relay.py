"""What a store commits is in the stream once, in order, whatever happens to relay, stream and server."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from contracts import subjects
from contracts.envelope import Event
from contracts.people import v1 as people
from infra.commands.rebuild import lacking
from libs.aio import end
from libs.bus import Bus, BusSettings, Unavailable, connect
from libs.eventstore import Notification, Store, open_store
from libs.ids import new_id
from libs.keyring import Expired
from libs.relay import COUNT, Relay, RelayReport, StreamAhead
from libs.telemetry import configure_traces, span, trace_id
from tests.integration.eventstore.counting import Added, Counter, add
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, eventually

ID = new_id()


def translate(notification: Notification) -> Sequence[Event]:
    """Nothing for a 7, two events for an 8."""
    assert isinstance(notification.fact, Added)
    number = notification.fact.number
    one = people.Followed(person_id=ID, version=notification.version, followee_id=ID, at=notification.record.at)
    two = people.Unfollowed(person_id=ID, version=notification.version, followee_id=ID, at=notification.record.at)
    return {7: [], 8: [one, two]}.get(number, [one])


@contextlib.asynccontextmanager
async def relaying(bus: Bus, store: Store[Counter]) -> AsyncIterator[Relay]:
    relay = Relay(bus, store, translate, context="people")
    task = asyncio.create_task(relay.run())
    try:
        yield relay
    finally:
        await end(task)


async def versions(bus: Bus) -> list[tuple[int, str]]:
    """(version, name) of every event in the stream, in its order."""
    last = (await bus.js.get_last_msg(subjects.EVENTS_STREAM, subjects.events_of("people"))).seq
    result: list[tuple[int, str]] = []
    async for batch in bus.follow(filters=[subjects.EVENTS_SUBJECTS]):
        for received in batch:
            assert isinstance(received.event, people.PersonEvent)
            result.append((received.event.version, received.event.name))
            if received.sequence == last:
                return result
    return result


async def wait_published(relay: Relay) -> None:
    await relay.flush(2 * LIMIT)


async def commit(store: Store[Counter], *numbers: int, start: int = 0) -> None:
    await asyncio.gather(*(add(store, ID, n, f"k{start + i}") for i, n in enumerate(numbers)))


async def test_every_commit_is_published_once_and_in_order(bus: Bus, store: Store[Counter]) -> None:
    async with relaying(bus, store) as relay:
        await commit(store, *([1] * 1_000))
        await wait_published(relay)
    assert await versions(bus) == [(v, "followed") for v in range(1, 1_001)]


async def test_a_fact_may_have_no_event_or_several(bus: Bus, store: Store[Counter]) -> None:
    async with relaying(bus, store) as relay:
        await commit(store, 1, 7, 8, 7)
        await wait_published(relay)
    assert await versions(bus) == [(1, "followed"), (3, "followed"), (3, "unfollowed")]


async def test_what_translation_needs_is_fetched_first_and_again_where_that_failed_or_was_dropped(
    bus: Bus, store: Store[Counter]
) -> None:
    known: set[int] = set()
    tries = iter(range(100))

    async def prepare(notifications: Sequence[Notification]) -> None:
        attempt = next(tries)
        if attempt == 0:
            raise Unavailable("the owner of keys is away")
        if attempt > 1:  # the first time it is dropped between the two
            known.update(notification.id for notification in notifications)

    def needing(notification: Notification) -> Sequence[Event]:
        if notification.id not in known:
            raise Expired("dropped meanwhile")
        return translate(notification)

    relay = Relay(bus, store, needing, context="people", prepare=prepare)
    task = asyncio.create_task(relay.run())
    await commit(store, 1, 8, 1)
    await wait_published(relay)
    await end(task)
    assert [version for version, _ in await versions(bus)] == [1, 2, 2, 3]
    assert next(tries) >= 3


async def test_a_new_relay_goes_on_where_the_stream_ends(bus: Bus, store: Store[Counter]) -> None:
    async with relaying(bus, store) as relay:
        await commit(store, 8, 1)
        await wait_published(relay)
    await commit(store, 1, 8, start=10)
    async with relaying(bus, store) as relay:
        await wait_published(relay)
    async with relaying(bus, store) as relay:
        await wait_published(relay)
    assert [v for v, _ in await versions(bus)] == [1, 1, 2, 3, 4, 4]


async def test_another_who_begins_batches_and_ends_none_stops_nothing(bus: Bus, store: Store[Counter]) -> None:
    await commit(store, *([1] * 20))
    for number in range(100):
        headers = {"Nats-Batch-Id": f"b{number}", "Nats-Batch-Sequence": "1"}
        await bus.nc.publish(subjects.event("tipping", "x", "y"), b"{}", headers=headers)
    await bus.nc.flush()
    async with relaying(bus, store) as relay:
        await wait_published(relay)
        assert relay._one_by_one_until > 0, "a batch was refused"
    assert await versions(bus) == [(v, "followed") for v in range(1, 21)]


async def test_half_of_a_fact_that_was_published_is_completed(bus: Bus, store: Store[Counter]) -> None:
    await commit(store, 1, 8)
    async with relaying(bus, store) as relay:
        await wait_published(relay)
    # The second event of the second fact is taken away, as if it had never been sent.
    await bus.js.delete_msg(subjects.EVENTS_STREAM, 3)
    async with relaying(bus, store) as relay:
        await commit(store, 1, start=10)
        await wait_published(relay)
    assert [v for v, _ in await versions(bus)] == [1, 2, 2, 3]


async def test_two_relays_of_one_store_double_nothing(bus: Bus, store: Store[Counter]) -> None:
    async with relaying(bus, store) as one, relaying(bus, store) as other:
        for round_ in range(5):
            await commit(store, *([1] * 40), start=round_ * 100)
        await wait_published(one)
        await wait_published(other)
    assert [v for v, _ in await versions(bus)] == list(range(1, 201))


async def have_nats_say(bus: Bus, where: str) -> None:
    """Have NATS put there what others published, as if a relay far ahead had."""
    ahead = {subjects.HEADER_NOTIFICATION: "999"}
    lie = await bus.js.publish(subjects.event("tipping", ID, "lie"), b"{}", headers=ahead)
    for asked in ({"seq": lie.seq}, {"seq": lie.seq, "no_hdr": True}):
        before = await bus.last_sequence()
        await bus.nc.publish(f"$JS.API.DIRECT.GET.{subjects.EVENTS_STREAM}", json.dumps(asked).encode(), reply=where)

        async def is_there(before: int = before) -> bool:
            return await bus.last_sequence() > before

        await eventually(is_there)


async def test_a_relay_goes_on_behind_what_nats_was_made_to_say(bus: Bus, store: Store[Counter]) -> None:
    own = subjects.event("people", ID, people.Followed.name)
    await have_nats_say(bus, own)
    async with relaying(bus, store) as relay:
        await commit(store, 1, 8)
        await wait_published(relay)
        await have_nats_say(bus, own)
        await commit(store, 1, start=10)
        await wait_published(relay)
    await have_nats_say(bus, own)
    async with relaying(bus, store) as relay:
        await commit(store, 8, start=20)
        await wait_published(relay)
    assert [v for v, _ in await versions(bus)] == [1, 2, 2, 3, 4, 4]


async def test_a_purged_stream_is_filled_again(bus: Bus, store: Store[Counter]) -> None:
    async with relaying(bus, store) as relay:
        await commit(store, *([1] * 30))
        await wait_published(relay)
    await bus.js.purge_stream(subjects.EVENTS_STREAM)
    async with relaying(bus, store) as relay:
        await wait_published(relay)
    assert [v for v, _ in await versions(bus)] == list(range(1, 31))


async def test_a_deleted_stream_is_made_and_filled_again_while_the_relay_runs(bus: Bus, store: Store[Counter]) -> None:
    async with relaying(bus, store) as relay:
        await commit(store, *([1] * 30))
        await wait_published(relay)
        await bus.js.delete_stream(subjects.EVENTS_STREAM)
        await commit(store, 1, start=50)
        await wait_published(relay)
    assert [v for v, _ in await versions(bus)] == list(range(1, 32))


async def check(bus: Bus, body: bytes = b"") -> RelayReport:
    return RelayReport.decode((await bus.request(subjects.relay_check("people"), body, timeout=2 * LIMIT)).data)


async def test_a_relay_that_is_told_to_looks_at_the_stream_and_says_when_all_is_in_it(
    bus: Bus, store: Store[Counter]
) -> None:
    async with relaying(bus, store) as relay:
        await commit(store, *([1] * 700))
        await wait_published(relay)
        assert await check(bus) == RelayReport("people", 700, 0)
        await bus.js.purge_stream(subjects.EVENTS_STREAM)
        assert await check(bus) == RelayReport("people", 700, 700)
        await bus.js.delete_stream(subjects.EVENTS_STREAM)
        await bus.declare()
        assert await check(bus) == RelayReport("people", 700, 700)
    assert [v for v, _ in await versions(bus)] == list(range(1, 701))


async def test_an_event_that_comes_meanwhile_hides_none_that_is_missing(bus: Bus, store: Store[Counter]) -> None:
    async with relaying(bus, store) as relay:
        await commit(store, 1, 8, 7)
        await wait_published(relay)
        report = await check(bus, COUNT)
        assert (report.owed, report.sequence) == (3, 3)
        await bus.js.delete_msg(subjects.EVENTS_STREAM, 2)
        await commit(store, 1, start=10)
        await wait_published(relay)
        assert await lacking(bus.js, "people", 3, report.sequence) == 1
        assert await lacking(bus.js, "people", 3, None) == 0, "an earlier version does not tell"


async def test_nats_killed_and_started_again_loses_and_doubles_nothing(
    nats: NatsServer, bus: Bus, store: Store[Counter]
) -> None:
    async with relaying(bus, store) as relay:
        for round_ in range(3):
            work = asyncio.create_task(commit(store, *([1] * 200), start=round_ * 1000))
            nats.kill()
            await work
            nats.start()
            await commit(store, 1, start=round_ * 1000 + 500)
            await wait_published(relay)
    assert [v for v, _ in await versions(bus)] == list(range(1, 604))


async def test_a_stream_that_knows_more_than_the_store_is_an_error_that_says_so(
    bus: Bus, store: Store[Counter], tmp_path: Path
) -> None:
    async with relaying(bus, store) as relay:
        await commit(store, 1, 1, 1)
        await wait_published(relay)
    async with open_store(tmp_path / "new.db", Counter) as lost:
        with pytest.raises(StreamAhead, match="restore the store"):
            await asyncio.wait_for(Relay(bus, lost, translate, context="people").run(), LIMIT)


async def test_other_services_events_in_between_do_not_disturb_it(
    nats: NatsServer, bus: Bus, store: Store[Counter]
) -> None:
    async with await connect("tipping", BusSettings(url=nats.url)) as other, relaying(bus, store) as relay:

        async def noise() -> None:
            for _ in range(50):
                await other.js.publish(subjects.event("tipping", ID, "noise"), b"{}")

        await asyncio.gather(noise(), *(commit(store, 1, start=n) for n in range(100)))
        await wait_published(relay)
    assert [v for v, _ in await versions(bus)][-1] == 100


async def test_a_trace_survives_the_store(bus: Bus, store: Store[Counter]) -> None:
    configure_traces("people")
    with span("a command", "server", parent={}):
        trace = trace_id()
        await commit(store, 1)
    async with relaying(bus, store) as relay:
        await wait_published(relay)
    message = await bus.js.get_last_msg(subjects.EVENTS_STREAM, subjects.events_of("people"))
    assert message.headers is not None
    assert message.headers["traceparent"].split("-")[1] == trace
    assert message.headers[subjects.HEADER_NOTIFICATION] == "1"
    assert message.headers["ce-id"] == "1"
