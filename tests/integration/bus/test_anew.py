"""Whoever follows a stream for life begins anew when the stream was made anew, and tries again until it can."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

from contracts import subjects
from contracts.presence.v1 import Counted
from libs.bus import Bus, BusSettings, connect
from libs.bus.anew import StreamPlace, follow_anew
from libs.bus.declare import declare
from libs.ids import new_id
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, eventually

SPACE = new_id()


async def publish(bus: Bus, *numbers: int) -> None:
    for number in numbers:
        await bus.publish_event(Counted(at=datetime.now(UTC), space_id=SPACE, listeners=number, on_stage=0))


async def test_it_begins_anew_tries_again_and_ends_with_the_connection(nats: NatsServer, bus: Bus) -> None:
    resets: list[str | None] = []
    got: list[int] = []
    failures = iter([TimeoutError(), None, TimeoutError(), OSError(), None])
    after = 0

    async with await connect("room", BusSettings(url=nats.url)) as other:

        async def begin(reset: str | None) -> StreamPlace:
            resets.append(reset)
            if (failure := next(failures)) is not None:
                raise failure
            return StreamPlace(await other.stream_epoch(), after if reset is None else 0)

        follow = partial(other.follow, filters=[subjects.EVENTS_SUBJECTS])

        async def run() -> None:
            nonlocal after
            async for batch in follow_anew(other, "a test", begin, follow):
                for received in batch:
                    assert isinstance(received.event, Counted)
                    got.append(received.event.listeners)
                    after = received.sequence

        task = asyncio.create_task(run())
        await publish(bus, 1, 2)
        await eventually(lambda: got == [1, 2])
        await bus.js.delete_stream(subjects.EVENTS_STREAM)
        await declare(bus.js)
        epoch = await bus.stream_epoch()
        await publish(bus, 3)
        await eventually(lambda: got == [1, 2, 3])
        assert resets == [None, None, epoch, epoch, epoch], "it is told of the new stream until it could begin there"
    async with asyncio.timeout(LIMIT):
        await task
