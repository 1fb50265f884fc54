"""Reading a part of a stream that is bounded on both sides, of several subjects, in stream order."""

from __future__ import annotations

import asyncio
import heapq
import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from nats.js import JetStreamContext
from nats.js.api import StreamInfo
from nats.js.errors import NotFoundError

from libs.bus.stored import PAGE, PAGE_BYTES, Stored, StreamReader

_LAG: Final = 0.05
"""Seconds until a copy of the stream that lags behind is asked again."""


def matching(filters: Sequence[str]) -> Callable[[str], bool]:
    """Whether a subject matches one of these patterns."""
    pattern = re.compile("|".join(f"(?:{_as_expression(one)})" for one in filters))
    return lambda subject: pattern.fullmatch(subject) is not None


def covering(filters: Sequence[str]) -> str:
    """A pattern that matches whatever one of these does; they have equally many tokens."""
    return ".".join(tokens[0] if len(set(tokens)) == 1 else "*" for tokens in zip(*map(_tokens, filters), strict=True))


def _tokens(filter: str) -> list[str]:
    return filter.split(".")


def _as_expression(filter: str) -> str:
    tokens = {"*": r"[^.]+", ">": r".+"}
    return r"\.".join(tokens.get(token) or re.escape(token) for token in _tokens(filter))


def covers(filters: Sequence[str], subjects: Sequence[str]) -> bool:
    """Whether the patterns are all that a stream of these subjects has."""
    return bool(subjects) and set(subjects) <= set(filters)


def is_alone(info: StreamInfo) -> bool:
    """Whether one server has all of a stream, so that nobody who answers can lag behind."""
    return info.cluster is None or not info.cluster.replicas


async def read_span(
    js: JetStreamContext,
    reader: StreamReader,
    stream: str,
    filters: Sequence[str],
    after: int,
    until: int,
    *,
    alone: bool,
    page_bytes: int = PAGE_BYTES,
) -> AsyncIterator[list[Stored]]:
    """Messages with `after` < sequence <= `until`, which the stream must have had, in order.

    Direct get takes one subject at a time, so each is read by itself, and they are merged by sequence. Where the stream
    is not `alone` on one server, its leader confirms that a subject has no more: whoever gave the page may lag behind.
    About `page_bytes` are in memory at once.
    Raises Interrupted, StreamAway, and JetStream's errors.
    """
    leader = None if alone else js
    columns = [_Column(leader, reader, stream, one, after, until, page_bytes // len(filters)) for one in filters]
    while True:
        for column in columns:
            await column.fill()
        # Beyond what all of them were read up to, an earlier message of another one may still come.
        bound = min(column.known for column in columns)
        ready = [column.take(bound) for column in columns]
        messages = ready[0] if len(ready) == 1 else list(heapq.merge(*ready, key=lambda message: message.sequence))
        if messages:
            yield messages
        if bound >= until:
            return


class _Column:
    """What is read of one subject and not handed over yet."""

    def __init__(
        self,
        leader: JetStreamContext | None,
        reader: StreamReader,
        stream: str,
        filter: str,
        after: int,
        until: int,
        most_bytes: int,
    ) -> None:
        self._leader = leader
        self._reader = reader
        self._stream = stream
        self._filter = filter
        self._until = until
        self._most_bytes = most_bytes
        self._waiting: list[Stored] = []
        self.known = after
        """All of this subject up to here has been read."""

    async def fill(self) -> None:
        """Read a page, where none waits and not all is read."""
        while not self._waiting and self.known < self._until:
            most = min(PAGE, self._until - self.known)
            page = await self._reader.page(self.known + 1, self._filter, most, self._most_bytes)
            self._waiting = [message for message in page.messages if message.sequence <= self._until]
            if len(self._waiting) < len(page.messages):
                self.known = self._until
            elif self._waiting and page.left:
                self.known = self._waiting[-1].sequence
            elif await self._is_all(self._waiting[-1].sequence if self._waiting else self.known):
                self.known = self._until
            elif self._waiting:
                self.known = self._waiting[-1].sequence
            else:
                await asyncio.sleep(_LAG)

    async def _is_all(self, sequence: int) -> bool:
        """Whether nothing of the subject follows up to the end."""
        if self._leader is None:
            return True
        try:
            found = await self._leader.get_msg(self._stream, sequence + 1, subject=self._filter, next=True)
        except NotFoundError:
            return True
        return (found.seq or 0) > self._until

    def take(self, bound: int) -> list[Stored]:
        """What is read up to a sequence."""
        count = next((i for i, message in enumerate(self._waiting) if message.sequence > bound), len(self._waiting))
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken
