"""Whatever is killed, lost or filled again: no event is lost on the way to a webhook, and none comes anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts import subjects
from tests.integration.notifications.receiver import Receiver, Request, receiving
from tests.integration.notifications.scene import Scene, scene
from tests.support.events import created, started
from tests.support.events import person as somebody
from tests.support.service_process import ServiceProcess
from tests.support.waiting import eventually


@pytest.fixture
async def there(store: str) -> AsyncIterator[Scene]:
    async with scene(store) as there:
        yield there


@pytest.fixture
async def hooks() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def test_a_kill_at_any_moment_loses_no_event_and_keeps_their_order(there: Scene, hooks: Receiver) -> None:
    seen: dict[str, list[int]] = {}

    async def slowly(request: Request) -> int:
        await asyncio.sleep(0)
        seen.setdefault(request.data["space_id"], []).append(request.data["version"])
        return 500 if len(hooks.came) % 7 == 3 else 200

    hooks.answer = slowly
    async with ServiceProcess("notifications", there.env) as process:
        await there.add(hooks.url)
        spaces = [await there.space() for _ in range(4)]
        for kill in range(5):
            for version in range(3 + 6 * kill, 9 + 6 * kill):
                for space in spaces:
                    await there.joins(space, version)
                if version == 6 + 6 * kill:
                    process.kill()
                    await process.start()
        everything = list(range(1, 33))
        await eventually(lambda: all(set(hooks.bodies(space)) == set(everything) for space in spaces))
        for space in spaces:
            first = list(dict.fromkeys(hooks.bodies(space)))
            assert first == everything, "in order, apart from what came twice"


async def test_what_waits_while_notifications_is_away_comes_when_it_is_back(there: Scene, hooks: Receiver) -> None:
    async with there.notifications():
        await there.add(hooks.url)
    space = await there.space()
    await there.joins(space, 3, 4)
    async with there.notifications():
        await hooks.until(4)
    assert hooks.bodies() == [1, 2, 3, 4]


async def test_a_stream_that_is_filled_again_tells_nothing_twice(there: Scene, hooks: Receiver) -> None:
    host = somebody("host")
    async with there.notifications():
        await there.add(hooks.url)
        space = await there.space(host)
        await hooks.until(2)
        await there.bus.js.delete_stream(subjects.EVENTS_STREAM)
        await there.bus.declare()
        await there.publish_as(created(space, host), 1)
        await there.publish_as(started(space, host), 2)
        await there.joins(space, 3)
        await hooks.until(3)
    assert hooks.bodies() == [1, 2, 3]
