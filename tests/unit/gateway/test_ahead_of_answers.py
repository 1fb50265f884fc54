"""Clients that send requests without waiting for answers (RFC 9112, section 9.3.2), and hang up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import psutil
import pytest

from tests.support.waiting import LIMIT, eventually
from tests.unit.gateway.raw_http import BOUNDS, Raw, head, serving

UPGRADE = head(
    "connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip


@contextlib.asynccontextmanager
async def asked_to_wait(ahead: bytes = b"") -> AsyncIterator[tuple[Raw, Callable[[], Awaitable[str]]]]:
    """A connection whose first request is not answered before its client is gone, and what the app says of it next."""
    told: asyncio.Queue[str] = asyncio.Queue()

    async def said() -> str:
        return await asyncio.wait_for(told.get(), LIMIT)

    async with serving(BOUNDS, told=told) as port, Raw(port) as raw:
        raw.write(head(first="GET /wait HTTP/1.1") + ahead)
        assert await said() == "begun"
        yield raw, said


async def test_a_few_requests_ahead_are_answered_in_their_order() -> None:
    async with serving(BOUNDS) as port, Raw(port) as raw:
        bodies = [head(f"content-length: {n}", first="POST / HTTP/1.1") + b"x" * n for n in range(7)]
        raw.write(b"".join(bodies))
        assert [int((await raw.answer())[2]) for _ in bodies] == list(range(7))


@pytest.mark.parametrize(
    "ahead",
    [head() * 12_000, head("content-length: 90000", first="POST / HTTP/1.1") + b"x" * 90_000, UPGRADE],
    ids=["many", "long", "socket"],
)
async def test_what_would_be_kept_until_an_answer_is_over_cuts_its_client_off(ahead: bytes) -> None:
    async with asked_to_wait(ahead) as (raw, said):
        await raw.closed()
        assert await said() == "gone"


@pytest.mark.parametrize(
    "ahead", [b"", head(), head("content-length: 9", first="POST / HTTP/1.1"), b"GET / HT"],
    ids=["nothing", "a request", "a part of a body", "a part of a head"],
)  # fmt: skip
async def test_whoever_hangs_up_is_missed_whatever_they_sent_ahead(ahead: bytes) -> None:
    """A live stream would be theirs for ever, and keep its listener in the Space."""
    async with asked_to_wait() as (raw, said):
        raw.write(ahead)
        raw.writer.close()
        assert await said() == "gone"


@pytest.mark.parametrize("ahead", [b"\0\0\0\0", head(*["a: 1"] * 200)], ids=["no HTTP", "too many fields"])
async def test_a_refusal_is_not_read_as_the_answer_to_what_came_before(ahead: bytes) -> None:
    async with asked_to_wait(ahead) as (raw, said):
        await raw.closed()
        assert await said() == "gone"


async def test_whoever_does_not_read_what_is_left_is_cut_off_in_the_end() -> None:
    async with serving(replace(BOUNDS, idle_seconds=0.5)) as port, Raw(port, unread=4096) as raw:
        raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
        raw.write(head(first="GET /stream HTTP/1.1"))
        await eventually(lambda: at_port(port))
        await eventually(lambda: not at_port(port))


def at_port(port: int) -> list[object]:
    """The server's ends of connections."""
    return [one for one in psutil.Process().net_connections() if one.laddr and one.laddr.port == port and one.raddr]
