"""Requests that cost their sender next to nothing: the service and NATS have the cores while they are measured."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from contracts import subjects
from libs.ids import new_id

_ACCEPTED: Final = b'{"outcome":"accepted"'


class Requester(asyncio.Protocol):
    """One connection to NATS that sends requests (subject, body) and takes the answers; speaks as little of the
    protocol as that needs (https://docs.nats.io/reference/reference-protocols/nats-protocol)."""

    def __init__(self, url: str, user: str, password: str) -> None:
        where = urlsplit(url)
        self._where = where.hostname or "127.0.0.1", where.port or 4222
        self._login: dict[str, object] = {"verbose": False, "pedantic": False, "headers": True, "protocol": 1}
        self._login |= {"user": user, "pass": password}
        self._header = f"NATS/1.0\r\n{subjects.HEADER_FROM}: {user}\r\n\r\n".encode()
        self._inbox = f"{subjects.inbox(user)}.{new_id()}"
        self._numbers = itertools.count()
        """A subject is answered once: NATS lets who answers publish to it no second time."""
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._introduced = False
        self._greeted: asyncio.Future[None]
        self._done: asyncio.Future[None]
        self._left: Iterator[tuple[int, bytes]] = iter(())
        self._sent: dict[int, float] = {}
        self._took: list[float] = []
        self._wanted = 0
        self._go_on = False
        """Whether each answer makes room for the next request."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._greeted = self._done = loop.create_future()
        await loop.create_connection(lambda: self, *self._where)
        await asyncio.wait_for(self._greeted, 10)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._transport.close()

    async def keep_in_flight(self, requests: Sequence[tuple[str, bytes]], at_once: int) -> list[float]:
        """Seconds of each request, with always `at_once` of them under way. Raises RuntimeError for a refusal."""
        self._begin(requests, go_on=True)
        self._send(at_once)
        await asyncio.wait_for(self._done, 120)
        return self._took

    async def pace(self, requests: Sequence[tuple[str, bytes]], per_second: float) -> list[float]:
        """Seconds of each request from when it was due, begun so often whether or not the last has been answered."""
        self._begin(requests, go_on=False)
        began = time.perf_counter()
        for number in range(len(requests)):
            due = began + number / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            for sent in self._send(1):
                self._sent[sent] = due
        await asyncio.wait_for(self._done, 120)
        return self._took

    def _begin(self, requests: Sequence[tuple[str, bytes]], *, go_on: bool) -> None:
        self._go_on = go_on
        numbered = zip(requests, self._numbers, strict=False)
        self._left = iter([(number, self._frame(number, *request)) for request, number in numbered])
        self._sent, self._took, self._wanted = {}, [], len(requests)
        self._done = asyncio.get_running_loop().create_future()

    def _frame(self, number: int, subject: str, body: bytes) -> bytes:
        # Without a header nobody would take it for published (`libs.bus.origin`).
        said, sizes = self._header + body, (len(self._header), len(self._header) + len(body))
        return b"HPUB %s %s.%d %d %d\r\n%s\r\n" % (subject.encode(), self._inbox.encode(), number, *sizes, said)

    def _send(self, count: int) -> list[int]:
        """The numbers of the next requests, which are on their way."""
        now = time.perf_counter()
        going = list(itertools.islice(self._left, count))
        self._sent |= {number: now for number, _ in going}
        self._transport.write(b"".join(frame for _, frame in going))
        return [number for number, _ in going]

    # -- the connection ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(ConnectionError(f"NATS closed the connection: {exc}"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answered, start = 0, 0
        while (end := self._buffer.find(b"\r\n", start)) >= 0:
            line = bytes(self._buffer[start:end])
            if line.startswith(b"MSG"):
                _, subject, *_, size = line.split()
                after = end + 2 + int(size)
                if len(self._buffer) < after + 2:
                    break
                self._answer(int(subject.rpartition(b".")[2]), self._buffer[end + 2 : after])
                answered += 1
                start = after + 2
            else:
                self._control(line)
                start = end + 2
        del self._buffer[:start]
        if answered and len(self._took) == self._wanted and not self._done.done():
            self._done.set_result(None)
        if self._go_on and answered:
            self._send(answered)

    def _control(self, line: bytes) -> None:
        if line.startswith(b"INFO") and not self._introduced:
            self._introduced = True
            subscribed = f"SUB {self._inbox}.* 1"
            self._transport.write(f"CONNECT {json.dumps(self._login)}\r\n{subscribed}\r\nPING\r\n".encode())
        elif line == b"PONG":
            self._greeted.set_result(None)
        elif line == b"PING":
            self._transport.write(b"PONG\r\n")
        elif line.startswith(b"-ERR"):
            self._done.set_exception(ConnectionError(line.decode()))

    def _answer(self, number: int, body: bytearray) -> None:
        self._took.append(time.perf_counter() - self._sent[number])
        if not body.startswith(_ACCEPTED) and not self._done.done():
            self._done.set_exception(RuntimeError(f"refused: {body.decode()}"))
