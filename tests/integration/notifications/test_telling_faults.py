"""Whatever is killed or filled again: everybody is told, and in each browser at most one notice is shown of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from contracts import subjects
from tests.integration.notifications.crowd import Crowd, crowd
from tests.integration.notifications.receiver import Request
from tests.support.service_process import ServiceProcess
from tests.support.waiting import eventually


@pytest.fixture
async def them(store: str) -> AsyncIterator[Crowd]:
    async with crowd(store) as them:
        yield them


async def test_a_kill_between_sending_and_writing_it_down_sends_the_same_again_and_nothing_else(them: Crowd) -> None:
    held: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def hold(_: Request) -> int:
        return 201 if held.done() else await asyncio.shield(held)

    async with ServiceProcess("notifications", them.env) as process:
        await them.sign_up("host")
        (held_up,) = await them.fans("host", "ann")
        others = await them.fans("host", *(f"fan{number}" for number in range(5)))
        held_up.answer = hold
        await them.create("host")
        for one in others:
            await one.until(1)
        await eventually(lambda: held_up.came)
        (more,) = await them.fans("host", "bob")
        space = await them.create("host", later=timedelta(hours=1))
        await them.remind("bob", space)
        await more.until(1)  # written down with what was sent before it, or before that
        process.kill()
        held.set_result(201)
        await process.start()
        await eventually(lambda: len(held_up.came) == 2)
        first, second = held_up.came
        assert first.headers["topic"] == second.headers["topic"]
        await held_up.until(1)
        assert len({one["id"] for one in held_up.shown}) == 1
        await them.all_told(held_up, more, *others)
        assert [len(one.shown) for one in others] == [1] * 5


async def test_who_is_told_is_not_lost_while_notifications_is_away_nor_told_twice_when_it_restarts(
    them: Crowd,
) -> None:
    async with them.notifications():
        await them.sign_up("host")
        fans = await them.fans("host", "ann", "bob")
    await them.create("host")
    for _ in range(2):
        async with them.notifications():
            for one in fans:
                await one.until(1)
            await them.all_told(*fans)
        assert [len({told["id"] for told in one.shown}) for one in fans] == [1, 1]


async def test_a_stream_that_is_filled_again_tells_nobody_twice(them: Crowd) -> None:
    async with them.notifications():
        await them.sign_up("host")
        (fan,) = await them.fans("host", "ann")
        space = await them.create("host", later=timedelta(hours=1))
        await them.remind("ann", space)
        await fan.until(1)
        await them.there.bus.js.delete_stream(subjects.EVENTS_STREAM)
        await them.there.bus.declare()
        for outgoing, number in list(them.there.said):
            await them.there.publish_as(outgoing, number)
        await them.all_told(fan)
        assert len(fan.shown) == 1
