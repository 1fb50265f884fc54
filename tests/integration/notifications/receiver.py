"""A server of the host product that takes webhooks: what it answers is up to the test."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.nats import free_port
from tests.support.waiting import eventually


@dataclass(frozen=True)
class Request:
    """What came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def message(self) -> dict[str, Any]:
        """What it says."""
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def type(self) -> str:
        found: str = self.message["type"]
        return found

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = self.message["data"]
        return found


Answer = Callable[[Request], int | bytes | Awaitable[int | bytes | None] | None]
"""A status, a whole response, or None to close the connection."""


def fine(_: Request) -> int:
    """Take everything."""
    return 204


class Receiver:
    """Listens at `url` while it is open; `answer` may be changed at any time."""

    def __init__(self) -> None:
        self.port = free_port()
        self.answer: Answer = fine
        self.came: list[Request] = []
        """Everything that came, in order."""
        self.taken: list[Request] = []
        """What was answered with a status of success."""
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    def bodies(self, space: str | None = None) -> list[int]:
        """The versions of the events that were taken, of one Space or of all."""
        return [one.data["version"] for one in self.taken if space is None or one.data.get("space_id") == space]

    async def until(self, count: int) -> list[Request]:
        """Wait until so many were taken."""
        await eventually(lambda: len(self.taken) >= count)
        return self.taken

    async def open(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def close(self) -> None:
        """Nobody listens any more."""
        if self._server is not None:
            self._server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    if not await self._one(reader, writer):
                        break
        except asyncio.CancelledError:
            return
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(head[0].split(" ")[1], headers, body)
        self.came.append(request)
        answer = self.answer(request)
        found = answer if isinstance(answer, int | bytes | None) else await answer
        if found is None:
            return False
        if isinstance(found, int):
            if 200 <= found < 300:
                self.taken.append(request)
            found = f"HTTP/1.1 {found} X\r\ncontent-length: 0\r\n\r\n".encode()
        writer.write(found)
        await writer.drain()
        return True


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver that listens."""
    receiver = Receiver()
    await receiver.open()
    try:
        yield receiver
    finally:
        await receiver.close()
