"""A stream of before moments said when they were sent is read as it is, and so is what processes of then go on to say.

`stored_before/EVENTS` is NATS's folder of that stream, as that version left it: a moment, a fact, and two more moments.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest_asyncio

from contracts import subjects
from contracts.envelope import Event
from contracts.presence.v1 import Counted
from contracts.room.v1 import StageLeft
from libs.bus import Bus, BusSettings, Received, connect
from libs.bus.origin import was_published
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, eventually

BEFORE: Final = Path(__file__).parent / "stored_before" / subjects.EVENTS_STREAM
SPACE, PERSON = "01jd0000000000000000000000", "01jd0000000000000000000001"
AT: Final = datetime(2026, 11, 30, 12, tzinfo=UTC)


def counted(listeners: int) -> Counted:
    return Counted(at=AT, space_id=SPACE, listeners=listeners, on_stage=1)


STORED: Final[list[Event]] = [
    counted(1),
    StageLeft(at=AT, space_id=SPACE, version=3, person_id=PERSON, reason="left"),
    counted(2),
    counted(3),
]


@pytest_asyncio.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    shutil.copytree(BEFORE, tmp_path / "jetstream" / "jetstream" / "$G" / "streams" / subjects.EVENTS_STREAM)
    with NatsServer(tmp_path) as nats:
        async with await connect("room", BusSettings(url=nats.url)) as bus:
            yield bus


async def test_what_says_not_when_it_was_sent_is_refused_by_nobody(bus: Bus) -> None:
    followed: list[Event] = []
    consumed: dict[int, Event] = {}

    async def take(batch: Sequence[Received]) -> None:
        consumed.update({one.sequence: one.event for one in batch})

    async def follow() -> None:
        async for batch in bus.follow(filters=[subjects.EVENTS_SUBJECTS]):
            followed.extend(one.event for one in batch)
            if counted(5) in followed:
                return

    async with asyncio.timeout(LIMIT), asyncio.TaskGroup() as tasks:
        tasks.create_task(follow())
        await eventually(lambda: len(followed) == len(STORED))
        before = await bus.js.get_msg(subjects.EVENTS_STREAM, 4)
        assert subjects.HEADER_SAID not in (before.headers or {})
        assert was_published(before.headers, before.time)
        # A process of that version goes on meanwhile.
        headers = {**(before.headers or {}), "ce-id": "m4", "Nats-Msg-Id": "room:m4"}
        await bus.js.publish(counted(4).subject, counted(4).model_dump_json().encode(), headers=headers)
        await bus.publish_event(counted(5))
    assert followed == [*STORED, counted(4), counted(5)]
    async with bus.consume("room-of-a-test", take, filters=[subjects.EVENTS_SUBJECTS]):
        await eventually(lambda: len(consumed) == len(followed))
    assert [consumed[sequence] for sequence in sorted(consumed)] == followed
