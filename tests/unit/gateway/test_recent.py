"""The window over the newest events, and what is read once for all who missed it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from contracts.discovery.v1 import BarChanged
from contracts.presence.v1 import Counted
from libs.bus import Received, Unavailable
from libs.ids import new_id
from services.gateway.app.frames import Position
from services.gateway.app.kept_events import KeptEvent, Naming
from services.gateway.app.recent import STEP, Recent, bar_of, keys_of
from services.gateway.app.resuming import Resuming

AT = datetime(2026, 1, 1, tzinfo=UTC)
ONE, OTHER = new_id(), new_id()
NOBODY = cast(Naming, SimpleNamespace(changes=0))
"""What is counted names nobody."""


def counted(sequence: int, space_id: str = ONE, size: int = 100) -> Received:
    event = Counted(space_id=space_id, at=AT, listeners=sequence, on_stage=0)
    return Received(event, sequence, AT, {}, size=size)


async def keep(epoch: str, batch: Sequence[Received]) -> list[KeptEvent]:
    return [KeptEvent(epoch, received, NOBODY) for received in batch]


def window(most: int, after: int = 0) -> Recent:
    recent = Recent(most)
    recent.begin(Position("e", after))
    return recent


def sequences(recent: Recent, key: str, after: int = 0, until: int = 10**9) -> list[int]:
    return [kept.sequence for kept in recent.since([key], after, until)]


def test_it_holds_what_is_newest_and_says_from_where() -> None:
    recent = window(1000)
    for sequence in range(1, 5 * STEP):
        recent.add(KeptEvent("e", counted(sequence, ONE if sequence % 2 else OTHER), NOBODY))
        assert len(recent) <= max(1000, STEP) + 1
    assert recent.after == 4 * STEP, "whole steps"
    assert sequences(recent, ONE) == list(range(4 * STEP + 1, 5 * STEP, 2))
    assert sequences(recent, ONE, 4 * STEP + 5, 4 * STEP + 9) == [4 * STEP + 7, 4 * STEP + 9]
    assert sequences(recent, new_id()) == []


def test_it_is_bounded_in_bytes() -> None:
    recent = window(10**6)
    for sequence in range(1, 4 * STEP):
        recent.add(KeptEvent("e", counted(sequence, size=10_000), NOBODY))
    assert recent.after == 3 * STEP


def test_a_person_finds_what_is_told_to_them() -> None:
    changed = BarChanged(person_id=ONE, space_id=new_id(), card=None, at=AT)
    assert keys_of(changed) == [bar_of(ONE)]


class History:
    """A stream of one Space's events, that counts who reads it."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.reads: list[tuple[int, int]] = []
        self.at_once = self.most_at_once = 0
        self.fails = False
        self.size = 100

    async def read(
        self, filters: Sequence[str], after: int, until: int, epoch: str
    ) -> AsyncGenerator[list[Received], None]:
        self.reads.append((after, until))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            if self.fails:
                raise Unavailable("away")
            for sequence in range(after + 1, until + 1, 500):
                yield [counted(one, size=self.size) for one in range(sequence, min(sequence + 500, until + 1))]
        finally:
            self.at_once -= 1


async def told(resuming: Resuming, after: int, until: int) -> list[int]:
    batches = resuming.missed([ONE], [f"rostrum.*.v1.{ONE}.*"], after, Position("e", until))
    return [kept.sequence async for batch in batches for kept in batch]


async def test_all_who_miss_the_same_have_it_read_once() -> None:
    history, recent = History(3000), window(10, 3000)
    resuming = Resuming(recent, history.read, keep)
    for sequence in range(3001, 3011):
        recent.add(KeptEvent("e", counted(sequence), NOBODY))
    afters = [*range(2000, 3000, 10), 3000, 3005]
    for after, got in zip(afters, await asyncio.gather(*(told(resuming, one, 3008) for one in afters)), strict=True):
        assert got == list(range(after + 1, 3009))
    assert sorted(history.reads) == [(STEP, 2 * STEP), (2 * STEP, 3000)]


async def test_few_read_at_the_same_time() -> None:
    recent = window(10, 60 * STEP)
    history = History(60 * STEP)
    resuming = Resuming(recent, history.read, keep)
    await asyncio.gather(*(told(resuming, step * STEP, (step + 1) * STEP) for step in range(60)))
    assert (len(history.reads), history.most_at_once) == (60, 4)


async def test_who_missed_very_much_reads_by_themselves() -> None:
    history = History(200 * STEP)
    resuming = Resuming(window(10, 200 * STEP), history.read, keep)
    assert await told(resuming, 7, 200 * STEP) == list(range(8, 200 * STEP + 1))
    assert history.reads == [(7, 200 * STEP)]


async def test_a_part_that_is_too_large_is_not_kept() -> None:
    history = History(STEP)
    history.size = 10_000
    resuming = Resuming(window(10, STEP), history.read, keep)
    assert await told(resuming, 5, STEP) == list(range(6, STEP + 1))
    assert history.reads == [(0, STEP), (5, STEP)]


async def test_what_could_not_be_read_is_read_again_by_whoever_comes_next() -> None:
    history = History(100)
    history.fails = True
    resuming = Resuming(window(10, 100), history.read, keep)
    with pytest.raises(Unavailable):
        await told(resuming, 0, 100)
    history.fails = False
    assert await told(resuming, 0, 100) == list(range(1, 101))


async def test_nothing_is_told_of_a_stream_that_was_made_anew() -> None:
    history, recent = History(100), window(10, 100)
    resuming = Resuming(recent, history.read, keep)
    recent.begin(Position("another", 10))
    recent.add(KeptEvent("another", counted(11), NOBODY))
    assert await told(resuming, 5, 100) == []
    assert history.reads == []
