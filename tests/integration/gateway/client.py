"""A client of the gateway: requests, and live events as a browser reads them, server-sent or over a WebSocket."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.waiting import LIMIT


class Way(StrEnum):
    """How live events come; its value is the last part of their address."""

    SENT = "events"
    SOCKET = "live"


@dataclass(frozen=True)
class Told:
    """One live event."""

    id: str
    event: str
    data: dict[str, Any]

    @property
    def sequence(self) -> int:
        return int(self.id.rpartition("-")[2])


class Stream(ABC):
    """Open live events. `next` waits for one, `until` for the first of a kind."""

    @property
    def ended_with(self) -> tuple[int | None, str | None]:
        """Code and words of the end, which only a WebSocket has."""
        return None, None

    @abstractmethod
    async def next(self, within: float = LIMIT) -> Told:
        """The next event. Raises EOFError when the stream was closed."""

    async def until(self, event: str, within: float = LIMIT) -> list[Told]:
        """What came up to the first of these, which is the last of the list."""
        told: list[Told] = []
        while not told or told[-1].event != event:
            told.append(await self.next(within))
        return told

    async def closed(self, within: float = LIMIT) -> list[Told]:
        """What came until the gateway closed the stream, or cut it off."""
        told: list[Told] = []
        try:
            while True:
                told.append(await self.next(within))
        except (EOFError, httpx.RemoteProtocolError):
            return told


class Events(Stream):
    """Server-sent ones."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def next(self, within: float = LIMIT) -> Told:
        """The next event. Raises EOFError when the stream was closed."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(within):
            async for line in self._lines:
                if line == "":
                    if "event" in fields:
                        return Told(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
                    fields = {}
                elif not line.startswith(":"):
                    name, _, value = line.partition(": ")
                    fields[name] = value
        raise EOFError


class Messages(Stream):
    """Those of a WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def next(self, within: float = LIMIT) -> Told:
        try:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), within))
        except ConnectionClosed:
            raise EOFError from None
        return Told(message.get("id", ""), message["event"], message["data"])

    @property
    def ended_with(self) -> tuple[int | None, str | None]:
        return self.socket.close_code, self.socket.close_reason


class Client:
    """HTTP to one gateway, as one person or as nobody."""

    def __init__(self, base: str, token: str | None = None) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        self.base, self.headers = base, headers
        # Loopback without TLS: reading the certificates would take longer than most tests.
        self.http = httpx.AsyncClient(base_url=base, headers=headers, timeout=LIMIT, trust_env=False, verify=False)

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    def follow(
        self, way: Way, space_id: str, last_id: str | None = None, **params: str
    ) -> AbstractAsyncContextManager[Stream]:
        """Open the live events of a Space, either way; they must be accepted."""
        path = f"/v1/spaces/{space_id}/{way}"
        return self.events(path, last_id, **params) if way is Way.SENT else self.live(path, last_id, **params)

    async def not_followed(self, way: Way, space_id: str, last_id: str | None = None, **params: str) -> tuple[int, str]:
        """Status and reason with which live events of a Space are refused, either way."""
        path, headers = f"/v1/spaces/{space_id}/{way}", {"last-event-id": last_id} if last_id else {}
        if way is Way.SOCKET:
            return await self.not_live(path, headers, **params)
        refused = await self.http.get(path, headers=headers, params=params)
        return refused.status_code, refused.json()["reason"]

    @asynccontextmanager
    async def events(self, path: str, last_id: str | None = None, **params: str) -> AsyncIterator[Events]:
        """Open a stream of live events; it must be accepted."""
        headers = {"last-event-id": last_id} if last_id else {}
        async with self.http.stream("GET", path, headers=headers, params=params) as response:
            if response.status_code != 200:
                await response.aread()
                raise AssertionError(f"{response.status_code}: {response.text}")
            assert response.headers["content-type"].startswith("text/event-stream")
            yield Events(response)

    @asynccontextmanager
    async def live(self, path: str, last_id: str | None = None, **params: str) -> AsyncIterator[Messages]:
        """Open a WebSocket of live events; it must be accepted."""
        headers = self.headers | ({"last-event-id": last_id} if last_id else {})
        address = httpx.URL(self.base).copy_with(scheme="ws", path=path, params=params)
        # A short queue, so that one who does not read is slow to the gateway too.
        async with connect(str(address), additional_headers=headers, proxy=None, max_queue=1) as socket:
            yield Messages(socket)

    async def not_live(self, path: str, headers: dict[str, str] | None = None, **params: str) -> tuple[int, str]:
        """Status and reason with which a WebSocket is refused. A `host` among the headers is sent in place of ours."""
        headers = dict(headers or {})
        address = httpx.URL(self.base).copy_with(scheme="ws", path=path, params=params)
        at, there = address.host, address.port
        if "host" in headers:
            host, _, port = headers.pop("host").partition(":")
            address = address.copy_with(host=host, port=int(port))
        try:
            async with connect(
                str(address), additional_headers=self.headers | headers, proxy=None, host=at, port=there
            ):
                raise AssertionError("it was accepted")
        except InvalidStatus as refused:
            response = refused.response
            assert response.headers["content-type"] == "application/problem+json"
            return response.status_code, json.loads(response.body or b"")["reason"]
