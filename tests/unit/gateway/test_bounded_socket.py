"""What a client of a WebSocket may send and leave unread (RFC 6455)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.support.waiting import LIMIT
from tests.unit.gateway.raw_http import BOUNDS, SPOKEN, Raw, head, serving

FIELDS = (
    "connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip
CONTINUES, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FINAL = 0x80


def frame(first: int, body: bytes = b"", *, masked: bool = True, length: bytes | None = None) -> bytes:
    """A frame of a client (section 5.2); `first` is its first byte, `length` what it says in place of the truth."""
    if length is None:
        length = bytes([len(body)]) if len(body) < 126 else b"\x7e" + struct.pack("!H", len(body))
    mask = b"\1\2\3\4" if masked else b""
    if masked:
        body = bytes(byte ^ mask[at % 4] for at, byte in enumerate(body))
    return bytes([first, length[0] | (FINAL if masked else 0)]) + length[1:] + mask + body


@contextlib.asynccontextmanager
async def opened(unread: int | None = None) -> AsyncIterator[Raw]:
    async with serving(BOUNDS) as port, Raw(port, unread=unread) as raw:
        raw.write(head(*FIELDS))
        assert (await raw.answer())[0] == 101
        yield raw


async def ended_with(raw: Raw) -> int:
    """The code of the close frame with which the connection ends; 0 without one."""
    async with asyncio.timeout(LIMIT):
        said = await raw.reader.read(200)
    return struct.unpack("!H", said[2:4])[0] if said[:1] == b"\x88" and len(said) > 3 else 0


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(FINAL | PING, b"x", masked=False), 1002),
        (frame(0x40 | FINAL | PING), 1002),
        (frame(0x30 | FINAL | PING), 1002),
        (frame(FINAL | 3), 1002),
        (frame(FINAL | 0xB), 1002),
        (frame(FINAL | 0xF), 1002),
        (frame(PING, b"in parts"), 1002),
        (frame(FINAL | PING, b"x" * 126), 1002),
        (frame(FINAL | CONTINUES, b"of nothing"), 1002),
        (frame(FINAL | CLOSE, b"\3"), 1002),
        (frame(FINAL | CLOSE, struct.pack("!H", 999)), 1002),
        (frame(FINAL | CLOSE, struct.pack("!H", 1005)), 1002),
        (frame(FINAL | CLOSE, struct.pack("!H", 1000) + b"\xff\xff"), 1007),
        (frame(FINAL | CLOSE), 0),
        (frame(FINAL | CLOSE, struct.pack("!H", 4999) + "\N{RIGHT-TO-LEFT OVERRIDE}\0".encode()), 4999),
        (frame(FINAL | TEXT, length=b"\x7f" + struct.pack("!Q", 2**63)), 1009),
        (frame(FINAL | BINARY, length=b"\x7f" + struct.pack("!Q", 2**40)), 1009),
        (frame(TEXT, length=b"\x7e" + struct.pack("!H", 2000)), 1009),
    ],
)
async def test_what_no_client_sends_ends_its_connection(sent: bytes, code: int) -> None:
    async with opened() as raw:
        raw.write(sent)
        assert await ended_with(raw) == code


@pytest.mark.parametrize(
    "said",
    [
        frame(FINAL | TEXT, b"hello"),
        frame(FINAL | TEXT),
        frame(FINAL | TEXT, b"\xff\xfe"),
        frame(FINAL | TEXT, b"\xed\xa0\x80"),  # a lone surrogate
        frame(FINAL | TEXT, "\0\N{RIGHT-TO-LEFT OVERRIDE}\N{ZERO WIDTH SPACE}\U0001f600".encode()),
        frame(FINAL | BINARY, os.urandom(900)),
        frame(TEXT, b"the first part of something that never ends"),
        frame(FINAL | TEXT, b"x") * 5000,
    ],
)
async def test_whatever_is_said_is_told_once_and_not_read(said: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with opened() as raw:
        raw.write(said)
        assert await ended_with(raw) == SPOKEN
    assert not [record for record in caplog.records if record.exc_info]


async def test_pings_of_whoever_reads_nothing_are_read_no_further() -> None:
    """Each has its answer, which would be kept until it is read."""
    async with opened(unread=4096) as raw:
        raw.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await full(raw, frame(FINAL | PING, b"x" * 125) * 500)
        raw.writer.transport.resume_reading()  # type: ignore[attr-defined]
        answer = frame(FINAL | PONG, b"x" * 125, masked=False)
        async with asyncio.timeout(LIMIT):
            assert await raw.reader.readexactly(len(answer)) == answer
        raw.writer.transport.abort()


async def full(raw: Raw, data: bytes) -> None:
    """Writes until the server has taken nothing for a while; it may not take all that there is."""
    raw.writer.transport.set_write_buffer_limits(high=0)
    for _ in range(32 * 1024 * 1024 // len(data)):
        raw.write(data)
        try:
            await asyncio.wait_for(raw.writer.drain(), 1)
        except TimeoutError:
            return
    raise AssertionError("all of it is taken")


@pytest.mark.parametrize("field", ["x: " + "x" * 9000, "x: \x01"], ids=["long", "odd"])
async def test_a_head_that_is_fine_for_http_alone_is_refused_in_words(field: str) -> None:
    async with serving(BOUNDS) as port, Raw(port) as raw:
        raw.write(head(*FIELDS, field))
        assert await raw.refused() == (400, "bad_request")


async def test_an_address_is_free_again_after_heads_that_were_refused() -> None:
    async with serving(replace(BOUNDS, per_address=1)) as port:
        async with Raw(port) as raw:
            raw.write(head(*FIELDS, "x: " + "x" * 9000))
            assert (await raw.refused())[0] == 400
        async with Raw(port) as raw:
            raw.write(head())
            assert (await raw.answer())[0] == 200


async def test_what_comes_before_the_answer_to_a_head_waits() -> None:
    async with serving(BOUNDS) as port, Raw(port) as raw:
        raw.write(head(*FIELDS, first="GET /later HTTP/1.1"))
        await full(raw, bytes(1_000_000))
        raw.writer.transport.abort()
