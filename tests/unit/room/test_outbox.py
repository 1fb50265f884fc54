"""What waits for the stream is bounded, and whoever would add to it is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

import pytest

from contracts.envelope import Event
from contracts.presence.v1 import Counted, Reacted
from libs.bus import Bus, Unavailable
from libs.refusal import Refusal
from services.room.app.outbox import Outbox

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Stream:
    """Takes events, or none."""

    def __init__(self) -> None:
        self.takes = True
        self.taken: list[Event] = []

    async def publish_events(self, events: Sequence[tuple[Event, str]]) -> None:
        if not self.takes:
            raise Unavailable("the disk is full")
        self.taken += [event for event, _ in events]


def counted(space: int, listeners: int) -> Counted:
    return Counted(at=AT, space_id=f"{space:026d}", listeners=listeners, on_stage=0)


def reacted(number: int) -> Reacted:
    return Reacted(at=AT, space_id=f"{0:026d}", counts={"clap": number}, window_ms=1000)


async def test_nobody_comes_in_while_much_waits_and_the_stream_takes_nothing() -> None:
    stream = Stream()
    outbox = Outbox(cast(Bus, stream), full=3, most=5)
    for number in range(4):
        outbox.put(reacted(number))
    outbox.must_have_room()  # a crowd, which is about to be told
    stream.takes = False
    await outbox.publish()
    with pytest.raises(Refusal) as refused:
        outbox.must_have_room()
    assert (refused.value.reason, refused.value.retry) == ("unavailable", True)
    for number in range(4, 20):
        outbox.put(reacted(number))
    assert len(outbox) == 5
    stream.takes = True
    await outbox.publish()
    assert stream.taken == [reacted(number) for number in range(5)]
    outbox.must_have_room()
    assert len(outbox) == 0


async def test_of_a_space_the_newest_count_waits_and_goes_first() -> None:
    stream = Stream()
    outbox = Outbox(cast(Bus, stream))
    outbox.put(reacted(1))
    for listeners in range(1000):
        outbox.put_first(counted(listeners % 2, listeners))
    assert len(outbox) == 3
    await outbox.publish()
    assert stream.taken == [counted(0, 998), counted(1, 999), reacted(1)]
    assert len(outbox) == 0
