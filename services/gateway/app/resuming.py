"""What clients missed that come back: out of memory where it is there, else read from the stream, for all of them at
once.

When a gateway was started again, all its clients come back within a second, and those of one Space miss the same. What
lies before the window (`Recent`) is read in parts that are the same for all, each once, few at a time, and kept for
those who come next.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from heapq import merge
from typing import Final

from libs.bus import Received
from services.gateway.app.frames import Position
from services.gateway.app.kept_events import Keep, KeptEvent
from services.gateway.app.recent import STEP, Recent

Read = Callable[[Sequence[str], int, int, str], AsyncGenerator[list[Received], None]]
"""Reads the events with `after` < sequence <= `until` of a stream's epoch whose subjects match; `history.read`."""

_AT_ONCE: Final = 4
"""Reads of the stream at the same time."""
_NEAR: Final = 64 * STEP
"""Sequences before the window that are read in parts; who missed more reads by itself."""
_PART_BYTES: Final = 4 * 1024 * 1024
"""Of JSON in one part; a part that has more is read by everybody for themselves."""
_KEPT_BYTES: Final = 16 * 1024 * 1024
_KEPT_SECONDS: Final = 30.0
"""How long a part is kept for those who come next."""

_Part = tuple[str, str, int, int]
"""Epoch, subject, and the sequences it lies between."""


class _TooMuch(Exception):
    """A part that is too large to be kept."""


class Resuming:
    """Tells clients what they missed."""

    def __init__(self, recent: Recent, read: Read, keep: Keep) -> None:
        self._recent = recent
        self._read = read
        self._keep = keep
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._parts: OrderedDict[_Part, asyncio.Task[list[KeptEvent]]] = OrderedDict()
        self._bytes = 0

    async def missed(
        self, keys: Sequence[str], filters: Sequence[str], after: int, until: Position
    ) -> AsyncGenerator[Iterable[KeptEvent], None]:
        """Events behind a sequence up to a place that was delivered, in order: those of `keys`, or more of `filters`.

        Raises Unavailable where the stream cannot be read; what was yielded is complete up to there.
        """
        recent = self._recent
        # It may move on while what lies before it is read.
        while recent.epoch == until.epoch and after < min(recent.after, until.sequence):
            before = min(recent.after, until.sequence)
            if before - after > _NEAR:
                async for kept in self._alone(filters, after, before, until.epoch):
                    yield kept
                after = before
                continue
            end = min((after // STEP + 1) * STEP, before)
            try:
                parts = [
                    await self._part((until.epoch, subject, end - (end - 1) % STEP - 1, end)) for subject in filters
                ]
            except _TooMuch:
                async for kept in self._alone(filters, after, end, until.epoch):
                    yield kept
            else:
                yield [kept for kept in merge(*parts, key=lambda kept: kept.sequence) if kept.sequence > after]
            after = end
        if recent.epoch == until.epoch:  # else the stream was made anew, and clients start over
            yield recent.since(keys, after, until.sequence)

    def forget(self) -> None:
        """Read everything again for whoever comes next."""
        self._parts.clear()
        self._bytes = 0

    async def _alone(
        self, filters: Sequence[str], after: int, until: int, epoch: str
    ) -> AsyncIterator[list[KeptEvent]]:
        async with contextlib.aclosing(self._read(filters, after, until, epoch)) as batches:
            while True:
                # Not while a client takes its time to be told.
                async with self._turn:
                    batch = await anext(batches, None)
                if batch is None:
                    return
                yield await self._keep(epoch, batch)

    async def _part(self, part: _Part) -> list[KeptEvent]:
        """Raises _TooMuch, Unavailable."""
        reading = self._parts.get(part)
        if reading is None:
            reading = self._parts[part] = asyncio.create_task(self._read_part(part))
            reading.add_done_callback(lambda task: self._read_is_over(part, task))
        else:
            self._parts.move_to_end(part)
        # Whoever leaves must not end it for the others.
        return await asyncio.shield(reading)

    async def _read_part(self, part: _Part) -> list[KeptEvent]:
        epoch, subject, after, until = part
        found: list[KeptEvent] = []
        size = 0
        async with self._turn:
            async for batch in self._read([subject], after, until, epoch):
                found += await self._keep(epoch, batch)
                size += sum(received.size for received in batch)
                if size > _PART_BYTES:
                    raise _TooMuch
        return found

    def _read_is_over(self, part: _Part, task: asyncio.Task[list[KeptEvent]]) -> None:
        failed = task.cancelled() or task.exception() is not None
        if self._parts.get(part) is not task:
            return  # forgotten meanwhile
        if failed:
            del self._parts[part]
            return
        self._bytes += _size(task)
        asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._forget, part, task)
        for old, other in list(self._parts.items()):
            if self._bytes <= _KEPT_BYTES:
                break
            if other.done():
                self._forget(old, other)

    def _forget(self, part: _Part, task: asyncio.Task[list[KeptEvent]]) -> None:
        if self._parts.get(part) is task:
            del self._parts[part]
            self._bytes -= _size(task)


def _size(task: asyncio.Task[list[KeptEvent]]) -> int:
    return sum(kept.size for kept in task.result())
