"""Live events (server-sent events), continued behind the last one that was taken in when a connection breaks."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

import httpx
from pydantic import ValidationError

from rostrum_client.errors import Problem, RostrumError, Unreachable
from rostrum_client.events import EVENTS
from rostrum_client.model import EventData
from rostrum_client.request import LONGEST_WAIT, AsyncCalls, Calls, Request, problem_of

SILENCE: Final = 45.0
"""Seconds without a byte, keep-alives included, after which a connection counts as broken."""
_LONGEST: Final = 64 * 1024 * 1024
"""Bytes of one event."""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One event. `snapshot` is how things are at its place, and `reset` says that some may be missing."""

    name: str
    """`<context>.<name>`, `snapshot` or `reset`."""
    id: str | None
    """Its place, to continue behind; None for what is kept nowhere."""
    json: dict[str, Any]
    """What it carries."""

    @property
    def data(self) -> EventData | None:
        """The same as a model; None for one that this version does not know."""
        kind = EVENTS.get(self.name)
        try:
            return None if kind is None else kind.model_validate(self.json)
        except ValidationError as error:
            raise RostrumError(f"{self.name} is not what was expected: {error}") from error


class Parser:
    """Puts events together from bytes (HTML, section 9.2.6)."""

    def __init__(self) -> None:
        self._rest = b""
        self._name, self._data, self._id = "", list[str](), ""
        self.retry = 0.5
        """Seconds before coming back, as the server wishes."""

    def feed(self, more: bytes) -> Iterator[LiveEvent]:
        """The events that are complete now. Raises RostrumError for one that is too large."""
        # Only these end a line: what people write may hold other line ends.
        *lines, self._rest = (self._rest + more).replace(b"\r\n", b"\n").split(b"\n")
        if len(self._rest) > _LONGEST:
            raise RostrumError("an event has no end")
        for line in lines:
            if line:
                self._field(line.decode())
                continue
            if self._data:
                yield LiveEvent(self._name or "message", self._id or None, json.loads("\n".join(self._data)))
            self._name, self._data, self._id = "", [], ""

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._name = value
            case "data":
                self._data.append(value)
            case "id":
                self._id = value
            case "retry" if value.isdigit():
                self.retry = int(value) / 1000
            case _:
                pass


class _Place:
    """Where a stream is, and when it comes back."""

    def __init__(self, request: Request, last_event_id: str | None) -> None:
        self._request = request
        self.last_id = last_event_id
        """The place of the last event that was handed over."""
        self._retry = 0.5
        self._failures = 0

    def _came(self, event: LiveEvent) -> None:
        self._failures = 0
        if event.id is not None:
            self.last_id = event.id

    def _head(self, own: dict[str, str]) -> dict[str, str]:
        place = {} if self.last_id is None else {"last-event-id": self.last_id}
        return own | place | {"accept": "text/event-stream, application/problem+json"}

    def _wait(self, error: RostrumError | None) -> float:
        """Seconds before the next attempt. Raises the error where coming back is of no use."""
        if error is not None and not error.is_passing:
            raise error
        asked = error.retry_after if isinstance(error, Problem) else None
        wait = asked if asked is not None else self._retry * float(2 ** min(self._failures, 6))
        self._failures += 1
        return min(LONGEST_WAIT, wait) * random.uniform(0.75, 1.25)


class EventStream(_Place):
    """Iterate over it; it ends with a Problem when the server gives no more, for example to whoever was removed.

    An event counts as taken in when the next one is asked for. `last_id` is where to continue in another process.
    """

    def __init__(self, calls: Calls, request: Request, last_event_id: str | None) -> None:
        super().__init__(request, last_event_id)
        self._calls = calls
        self._closed = threading.Event()

    def close(self) -> None:
        """End it after the event that is being handed over."""
        self._closed.set()

    def __iter__(self) -> Iterator[LiveEvent]:
        while not self._closed.is_set():
            error: RostrumError | None = None
            try:
                for event in self._connection():
                    yield event
                    self._came(event)
                    if self._closed.is_set():
                        return
            except httpx.TransportError as broken:
                error = Unreachable(f"{self._request.path}: {broken!r}")
            except RostrumError as refused:
                error = refused
            time.sleep(self._wait(error))

    def _connection(self) -> Iterator[LiveEvent]:
        request, parser = self._request, Parser()
        timeout = httpx.Timeout(15, read=SILENCE)
        headers = self._head(self._calls.headers())
        with self._calls.http.stream(
            "GET", request.path, params=request.params, headers=headers, timeout=timeout
        ) as response:
            if response.status_code != 200:
                response.read()
                raise problem_of(response)
            for more in response.iter_raw():
                yield from parser.feed(more)
                self._retry = parser.retry


class AsyncEventStream(_Place):
    """The same for `async for`."""

    def __init__(self, calls: AsyncCalls, request: Request, last_event_id: str | None) -> None:
        super().__init__(request, last_event_id)
        self._calls = calls

    async def __aiter__(self) -> AsyncIterator[LiveEvent]:
        while True:
            error: RostrumError | None = None
            try:
                async for event in self._connection():
                    yield event
                    self._came(event)
            except httpx.TransportError as broken:
                error = Unreachable(f"{self._request.path}: {broken!r}")
            except RostrumError as refused:
                error = refused
            await asyncio.sleep(self._wait(error))

    async def _connection(self) -> AsyncIterator[LiveEvent]:
        request, parser = self._request, Parser()
        timeout = httpx.Timeout(15, read=SILENCE)
        headers = self._head(await self._calls.headers())
        async with self._calls.http.stream(
            "GET", request.path, params=request.params, headers=headers, timeout=timeout
        ) as response:
            if response.status_code != 200:
                await response.aread()
                raise problem_of(response)
            async for more in response.aiter_raw():
                for event in parser.feed(more):
                    yield event
                self._retry = parser.retry
