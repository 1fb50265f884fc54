"""Reading what a stream holds, page by page, by batched direct get (ADR-31 of NATS).

It needs no consumer, so nobody who only reads needs the right to make one. Any copy of a stream may answer, also one
that lags behind.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Final, NamedTuple, Self

from nats.aio.client import Client
from nats.aio.subscription import Subscription

from libs.bus import taps
from libs.bus.headers import read_headers
from libs.bus.origin import has_place, was_published_at

PAGE: Final = 10_000
"""Messages that are asked for at once. NATS counts what is left for each page, which takes long at the beginning of a
long stream: so there are few."""
PAGE_BYTES: Final = 4 * 1024 * 1024
"""What a page holds at most, and one message more: NATS stops behind the message that goes over it."""
_PATIENCE: Final = 2.0
"""Seconds without a message of a page after which the rest is thought lost."""
_STATUS: Final = b"NATS/1.0 "
_LINES: Final = len("NATS/1.0\r\n")
_END, _NONE, _NOBODY = b"204", b"404", b"503"


class Stored(NamedTuple):
    """One message as it stands in a stream."""

    subject: str
    data: bytes
    sequence: int
    time: str
    """When the stream took it, as NATS writes it, to the nanosecond."""
    headers: Mapping[str, str]
    """Those of NATS too (`Nats-Sequence`); of a name that stands twice the last, which is NATS's."""
    published: bool = True
    """Whether somebody published it to the stream; NATS can be made to say something there (`libs.bus.origin`)."""

    @property
    def published_at(self) -> datetime:
        """`time`, to the microsecond."""
        return datetime.fromisoformat(self.time)


@dataclass(frozen=True, slots=True)
class Page:
    """Messages in stream order."""

    messages: list[Stored]
    left: int
    """How many follow, as far as whoever answered had them."""


class Interrupted(Exception):
    """What was asked for was lost with the connection, or on the way. Asking again is safe."""


class StreamAway(Exception):
    """Nobody answers for the stream: it does not exist, or has no leader now."""


class StreamReader:
    """Reads one stream, one page at a time. Open while its context is."""

    def __init__(self, nc: Client, stream: str) -> None:
        self._nc = nc
        self._subject = f"$JS.API.DIRECT.GET.{stream}"
        self._inbox = nc.new_inbox()
        self._subscription: Subscription | None = None
        self._turn = 0
        self._expected = b""
        self._messages: list[Stored] = []
        self._last = "0"
        """Of the page so far the last sequence, as each message names the one before it."""
        self._page: asyncio.Future[Page] | None = None

    async def __aenter__(self) -> Self:
        self._subscription = await taps.tap(self._nc, f"{self._inbox}.*", self._hear)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._subscription is not None:
            await taps.close(self._nc, self._subscription)

    def interrupt(self) -> None:
        """Give up what is being waited for: it was lost with the connection."""
        self._fail(Interrupted("the connection was lost"))

    async def page(self, start: int | datetime, subject: str | None, most: int, most_bytes: int = PAGE_BYTES) -> Page:
        """The first `most` messages from sequence `start` (1 or more), or from a moment on, whose subject matches.

        Raises Interrupted, StreamAway, and what the client raises when it is closed.
        """
        self._turn += 1
        inbox = f"{self._inbox}.{self._turn}"
        request: dict[str, object] = {"batch": most, "max_bytes": most_bytes}
        if isinstance(start, int):
            request["seq"] = start
        else:
            request["start_time"] = start.isoformat()
        if subject is not None:
            request["next_by_subj"] = subject
        self._expected, self._messages, self._last = inbox.encode(), [], "0"
        self._page = asyncio.get_running_loop().create_future()
        try:
            await self._nc.publish(self._subject, json.dumps(request).encode(), reply=inbox)
            return await self._arrival(self._page)
        finally:
            self._expected, self._page = b"", None

    async def _arrival(self, page: asyncio.Future[Page]) -> Page:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(_PATIENCE, self._look, page, 0)
        try:
            return await page
        finally:
            timer.cancel()

    def _look(self, page: asyncio.Future[Page], heard: int) -> None:
        """Whether more of a page came since; the timer of one that is over does nothing."""
        if page is not self._page or page.done():
            return
        if len(self._messages) == heard:
            self._fail(Interrupted("a page did not come"))
        else:
            asyncio.get_running_loop().call_later(_PATIENCE, self._look, page, len(self._messages))

    def _hear(self, subject: bytes, reply: bytes | None, data: bytes, headers: bytes | None) -> None:
        if subject != self._expected:
            return  # of a page that was given up
        if headers is None:
            self._fail(Interrupted("a message came without its place in the stream"))
        elif headers.startswith(_STATUS) and not has_place(headers):
            self._end(headers)
        else:
            self._add(data, read_headers(headers[_LINES:]), was_published_at(headers))

    def _add(self, data: bytes, headers: dict[str, str], published: bool) -> None:
        try:
            sequence = int(headers["Nats-Sequence"])
            if headers["Nats-Last-Sequence"] != self._last:
                self._fail(Interrupted("a message of a page was lost on the way"))
                return
            subject, time = headers["Nats-Subject"], headers["Nats-Time-Stamp"]
            self._messages.append(Stored(subject, data, sequence, time, headers, published))
        except (KeyError, ValueError):
            self._fail(Interrupted("a message came without its place in the stream"))
            return
        self._last = headers["Nats-Sequence"]

    def _end(self, headers: bytes) -> None:
        status = headers[len(_STATUS) : len(_STATUS) + 3]
        if status == _END:
            told = read_headers(headers.partition(b"\r\n")[2])
            if told.get("Nats-Last-Sequence") != self._last:
                self._fail(Interrupted("a message of a page was lost on the way"))
            else:
                self._finish(Page(self._messages, int(told.get("Nats-Num-Pending", "0"))))
        elif status == _NONE:
            self._finish(Page([], 0))
        elif status == _NOBODY:
            self._fail(StreamAway(f"nobody answers on {self._subject}"))
        else:
            self._fail(StreamAway(headers.decode("utf-8", "replace").strip()))

    def _finish(self, page: Page) -> None:
        if self._page is not None and not self._page.done():
            self._page.set_result(page)

    def _fail(self, error: Exception) -> None:
        if self._page is not None and not self._page.done():
            self._page.set_exception(error)
