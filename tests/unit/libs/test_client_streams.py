"""The Python client's live events continue behind the last one that was taken in, whatever happens to a connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from rostrum_client import AsyncRostrum, LiveEvent, Problem, Rostrum
from rostrum_client.streams import Parser

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nretry: 1\n\n"
AWAY = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def event(number: int) -> bytes:
    return b'id: e-%d\nevent: room.muted\ndata: {"number":%d}\n\n' % (number, number)


SCRIPT = (
    HEAD + event(1) + event(2),
    AWAY,
    HEAD + event(3) + b"id: e-4\nevent: room.mu",  # cut off in the middle
    HEAD + event(4),
    b"",  # nobody answers
    HEAD + b": keep-alive\n\n" + event(5),
    b"HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n" + b'{"reason":"removed","detail":"You were removed."}',
)


@asynccontextmanager
async def scripted() -> AsyncIterator[tuple[str, list[str]]]:
    """A server that answers one connection after another so, and closes each; and the places it was asked for."""
    asked: list[str] = []
    script = iter(SCRIPT)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        asked.append(next((line[15:] for line in head.splitlines() if line.startswith("last-event-id: ")), ""))
        writer.write(next(script))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked


PLACES = ["", "e-2", "e-2", "e-3", "e-4", "e-4", "e-5"]


async def test_an_asynchronous_stream_continues_until_it_is_refused() -> None:
    async with scripted() as (url, asked), AsyncRostrum(url) as client:
        stream = client.server.events()
        told: list[LiveEvent] = []

        async def take() -> None:
            async for one in stream:
                told.append(one)  # noqa: PERF401  (it ends with an error)

        with pytest.raises(Problem, match="removed"):
            await take()
        assert [one.json["number"] for one in told] == [1, 2, 3, 4, 5]
        assert (asked, stream.last_id) == (PLACES, "e-5")


async def test_a_plain_one_does_too() -> None:
    told: list[int] = []

    def take(url: str) -> None:
        with Rostrum(url) as client:
            for one in client.server.events():
                told.append(one.json["number"])  # noqa: PERF401  (it ends with an error)

    async with scripted() as (url, asked):
        with pytest.raises(Problem, match="removed"):
            await asyncio.to_thread(take, url)
        assert (told, asked) == ([1, 2, 3, 4, 5], PLACES)


def test_words_may_hold_whatever_ends_a_line_elsewhere() -> None:
    sent = 'id: e-1\r\nevent: room.pinned\r\ndata: {"text":"a\u2028b\u0085cd"}\r\n\r\n'.encode()
    for size in (1, 2, 7, len(sent)):
        parser = Parser()
        told = [one for at in range(0, len(sent), size) for one in parser.feed(sent[at : at + size])]
        assert [(one.id, one.json["text"]) for one in told] == [("e-1", "a\u2028b\u0085cd")]
