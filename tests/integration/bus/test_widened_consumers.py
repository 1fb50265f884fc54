"""A durable consumer that reads more after an upgrade has the past of that too, and nothing again of what it read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from nats.js.errors import NotFoundError

from contracts import consumers, subjects
from contracts.envelope import Event
from contracts.presence.v1 import Counted, Reacted
from libs.bus import Bus, Received, widened_consumers
from libs.bus.declare import consumer_config
from libs.ids import new_id
from tests.support.waiting import LIMIT, eventually

SPACE = new_id()
NAME = "people-a"
OLD = [subjects.event("presence", "*", Counted.name)]
NEW = [*OLD, subjects.event("presence", "*", Reacted.name)]


def counted(number: int) -> Counted:
    return Counted(at=datetime.now(UTC), space_id=SPACE, listeners=number, on_stage=0)


def reacted(number: int) -> Reacted:
    return Reacted(at=datetime.now(UTC), space_id=SPACE, counts={"wave": number}, window_ms=250)


@dataclass
class Seen:
    """What a handler was given, which fails once at each of these."""

    got: list[str] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)

    async def take(self, batch: Sequence[Received]) -> None:
        for received in batch:
            name = told(received.event)
            if name in self.failing:
                self.failing.remove(name)
                raise RuntimeError(name)
            self.got.append(name)


def told(event: Event) -> str:
    match event:
        case Counted(listeners=number):
            return f"counted {number}"
        case Reacted(counts=counts):
            return f"reacted {counts['wave']}"
        case _:
            raise AssertionError(event)


async def publish(bus: Bus, *events: Event) -> None:
    for event in events:
        await bus.publish_event(event)


async def read_by_the_version_before(bus: Bus) -> None:
    """Two of each were told; one kind was read, and one of the other was told behind it."""
    seen = Seen()
    async with bus.consume(NAME, seen.take, filters=OLD):
        await publish(bus, counted(1), reacted(1), reacted(2), counted(2), reacted(3))
        await eventually(lambda: seen.got == ["counted 1", "counted 2"])

        async def all_stored() -> bool:
            return (await bus.js.stream_info(subjects.EVENTS_STREAM)).state.messages == 5

        await eventually(all_stored)  # nothing waits for the last one

        async def acknowledged() -> bool:
            info = await bus.js.consumer_info(subjects.EVENTS_STREAM, NAME)
            return not info.num_ack_pending

        await eventually(acknowledged)


async def test_what_was_not_read_before_is_read_from_the_beginning_and_the_rest_once(bus: Bus) -> None:
    await read_by_the_version_before(bus)
    seen = Seen()
    async with bus.consume(NAME, seen.take, filters=NEW):
        await eventually(lambda: len(seen.got) == 3)
        await publish(bus, counted(3), reacted(4))
        await eventually(lambda: "reacted 4" in seen.got)
    assert seen.got == ["reacted 1", "reacted 2", "reacted 3", "counted 3", "reacted 4"]
    again = Seen()
    async with bus.consume(NAME, again.take, filters=NEW):
        await publish(bus, reacted(5))
        await eventually(lambda: again.got == ["reacted 5"])
    await widened_consumers.end(bus.js, subjects.EVENTS_STREAM, NAME)
    try:
        await bus.js.consumer_info(subjects.EVENTS_STREAM, consumers.before(NAME))
        raise AssertionError("the second consumer is there still")
    except NotFoundError:
        pass


@pytest.mark.parametrize("interrupted", [False, True])
async def test_what_the_consumer_passes_over_while_it_is_widened_is_read(bus: Bus, interrupted: bool) -> None:
    await read_by_the_version_before(bus)
    found = await bus.js.consumer_info(subjects.EVENTS_STREAM, NAME)
    wanted = consumer_config(NAME, NEW)
    await widened_consumers.keep(bus.js, subjects.EVENTS_STREAM, found, wanted)
    # The version before still reads, and passes over a reaction.
    await publish(bus, reacted(4), counted(3))
    reader = await bus.js.pull_subscribe_bind(consumer=NAME, stream=subjects.EVENTS_STREAM)
    (message,) = await reader.fetch(1)
    await message.ack_sync()
    await reader.unsubscribe()
    if interrupted:
        await bus.js.add_consumer(subjects.EVENTS_STREAM, wanted)
        await widened_consumers.end(bus.js, subjects.EVENTS_STREAM, NAME)
    seen = Seen()
    async with bus.consume(NAME, seen.take, filters=NEW):
        await publish(bus, counted(4))
        await eventually(lambda: "counted 4" in seen.got)
    assert seen.got == ["reacted 1", "reacted 2", "reacted 3", "reacted 4", "counted 4"]


async def test_a_service_that_is_stopped_meanwhile_goes_on_there(bus: Bus) -> None:
    await read_by_the_version_before(bus)
    held, first = asyncio.Event(), Seen()

    async def take(batch: Sequence[Received]) -> None:
        await first.take(batch[:1])
        held.set()
        await asyncio.Event().wait()

    async with bus.consume(NAME, take, filters=NEW, batch=1, exclusive=True):
        await asyncio.wait_for(held.wait(), LIMIT)
    assert await widened_consumers.left(bus.js, subjects.EVENTS_STREAM, NAME) is not None
    await widened_consumers.end(bus.js, subjects.EVENTS_STREAM, NAME)
    seen = Seen(failing={"reacted 2"})
    async with bus.consume(NAME, seen.take, filters=NEW, retry_delay=0.01, exclusive=True):
        await publish(bus, counted(3))
        await eventually(lambda: "counted 3" in seen.got)
    assert {*seen.got} == {"counted 3", "reacted 1", "reacted 2", "reacted 3"}
    assert seen.got[-1] == "counted 3"


async def test_a_consumer_that_has_read_nothing_or_reads_less_has_no_past(bus: Bus) -> None:
    async with bus.consume(NAME, Seen().take, filters=NEW):
        pass
    seen = Seen()
    async with bus.consume(NAME, seen.take, filters=OLD):
        await publish(bus, reacted(1), counted(1))
        await eventually(lambda: seen.got == ["counted 1"])
    assert await widened_consumers.left(bus.js, subjects.EVENTS_STREAM, NAME) is None
