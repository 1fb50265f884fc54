"""What a connection may cost, before any route sees a request."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from dataclasses import replace
from typing import Any

import pytest

from services.gateway.adapters.addresses import Networks
from services.gateway.http.cors import Origins
from tests.support.waiting import LIMIT, pace
from tests.unit.gateway.raw_http import BOUNDS, Raw, head, serving


async def test_a_head_has_32_kilobytes_in_100_fields() -> None:
    async with serving(BOUNDS) as port:
        for good in (head("a: " + "x" * 32_600), head(*["a: 1"] * 99)):
            async with Raw(port) as raw:
                raw.write(good)
                assert (await raw.answer())[0] == 200
                raw.write(good)
                assert (await raw.answer())[0] == 200
        for wrong in (
            head("a: " + "x" * 32_800),
            head(*["a: 1"] * 100),
            head(first=f"GET /{'x' * 33_000} HTTP/1.1"),
            head("a: " + "x" * 500_000),
            head(*["a: " + "x" * 1000] * 99),
        ):
            async with Raw(port) as raw:
                raw.write(wrong)
                assert await raw.refused() == (431, "headers_too_large")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        head("Host: y"),
        head("authorization: Bearer a", "Authorization: Bearer b"),
        head("idempotency-key: a", "x: 1", "IDEMPOTENCY-KEY: a"),
        head("content-type: application/json", "content-type: text/plain"),
        head("last-event-id: 1", "last-event-id: 2"),
    ],
)
async def test_what_a_proxy_may_read_otherwise_than_we_is_refused(sent: bytes) -> None:
    async with serving(BOUNDS) as port, Raw(port) as raw:
        raw.write(sent)
        assert await raw.refused() == (400, "bad_request")


async def test_a_field_that_never_ends_is_not_kept() -> None:
    async with serving(BOUNDS) as port, Raw(port) as raw:
        raw.write(b"GET / HTTP/1.1\r\nhost: x\r\na: ")
        with contextlib.suppress(OSError):
            for _ in range(1000):
                raw.write(b"x" * 60_000)
                await raw.writer.drain()
        await raw.closed()


@pytest.mark.parametrize("trailers", [b"a: " + b"x" * 900_000, b"a: 1\r\n" * 200])
async def test_nor_are_trailers(trailers: bytes) -> None:
    async with serving(BOUNDS) as port, Raw(port) as raw:
        raw.write(head("transfer-encoding: chunked", first="POST / HTTP/1.1") + b"1\r\nx\r\n0\r\n" + trailers)
        assert await raw.refused() == (431, "headers_too_large")


async def test_a_body_in_small_chunks_is_fine() -> None:
    async with serving(BOUNDS) as port, Raw(port) as raw:
        chunks = b"1\r\nx\r\n" * 60_000 + b"0\r\n\r\n"
        raw.write(head("transfer-encoding: chunked", first="POST / HTTP/1.1") + chunks)
        assert (await raw.answer())[2] == b"60000"


async def test_a_head_comes_in_time() -> None:
    async with serving(replace(BOUNDS, head_seconds=1.0)) as port:
        async with Raw(port) as raw:
            raw.write(b"GET / HT")
            assert await raw.refused() == (408, "request_timeout")
        async with Raw(port) as raw:
            dripping = asyncio.create_task(_drip(raw, b"\r\n"))
            assert await raw.refused() == (408, "request_timeout")
            dripping.cancel()
        async with Raw(port) as raw:
            raw.write(head())
            assert (await raw.answer())[0] == 200
            dripping = asyncio.create_task(_drip(raw, b"G"))
            status, _, _ = await raw.answer()
            assert status in (400, 408)
            dripping.cancel()


async def _drip(raw: Raw, data: bytes) -> None:
    while not raw.writer.is_closing():
        raw.write(data)
        await asyncio.sleep(0.05)


async def test_a_sender_may_stand_still_between_head_and_body_for_longer_than_a_head_may_take() -> None:
    async with serving(replace(BOUNDS, head_seconds=0.1)) as port, Raw(port) as raw:
        raw.write(head("content-length: 2", first="POST / HTTP/1.1"))
        await pace(time.monotonic() + 0.5)
        raw.write(b"{}")
        assert (await raw.answer())[0] == 200


async def test_a_body_comes_fast_enough() -> None:
    bounds = replace(BOUNDS, body_stalls=1.0, body_rate=100_000)
    async with serving(bounds) as port:
        async with Raw(port) as raw:
            raw.write(head("content-length: 60000", first="POST / HTTP/1.1"))
            dripping = asyncio.create_task(_drip(raw, b"x"))
            assert await raw.refused() == (408, "request_timeout")
            dripping.cancel()
        async with Raw(port) as raw:
            raw.write(head("content-length: 60000", first="POST / HTTP/1.1"))
            raw.write(b"x" * 60_000)
            assert (await raw.answer())[2] == b"60000"


ORIGIN = "origin: https://page.example"
WRONG: dict[int, Any] = {
    431: (BOUNDS, head(ORIGIN, "a: " + "x" * 32_800)),
    4310: (BOUNDS, head(*["a: 1"] * 120, ORIGIN)),
    408: (replace(BOUNDS, head_seconds=0.2), head(ORIGIN, "a: 1")[:-4]),
    4080: (
        replace(BOUNDS, body_stalls=0.2, body_rate=100_000),
        head(ORIGIN, "content-length: 60000", first="POST / HTTP/1.1"),
    ),
    429: (replace(BOUNDS, per_address=0), head(ORIGIN)),
    400: (BOUNDS, head(ORIGIN, "content-length: 1", "content-length: 2")),
}


@pytest.mark.parametrize("wrong", WRONG, ids=str)
async def test_a_page_of_a_listed_origin_can_read_that_a_bound_was_broken(wrong: int) -> None:
    bounds, sent = WRONG[wrong]
    for listed, told in (("https://page.example", "https://page.example"), ("https://other.example", None)):
        readable = Origins([listed]).readable
        async with serving(replace(bounds, readable=readable)) as port, Raw(port) as raw:
            raw.write(sent)
            status, headers, _ = await raw.answer()
            assert status == int(str(wrong)[:3])
            assert headers["vary"] == "Origin"
            assert headers.get("access-control-allow-origin") == told
            assert ("retry-after" in headers.get("access-control-expose-headers", "").lower()) is (told is not None)


async def test_a_connection_without_a_request_is_closed() -> None:
    async with serving(replace(BOUNDS, idle_seconds=0.3)) as port, Raw(port) as raw:
        await raw.closed()


async def test_an_address_has_so_many_connections_websockets_included() -> None:
    async with serving(replace(BOUNDS, per_address=2)) as port, contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(Raw(port))
        first.write(head())
        await first.answer()
        async with Raw(port) as socket:
            socket.write(
                head("connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13",
                     "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==")
            )  # fmt: skip
            assert (await socket.answer())[0] == 101
            third = await stack.enter_async_context(Raw(port))
            third.write(head())
            status, headers, body = await third.answer()
            assert (status, json.loads(body)["reason"]) == (429, "too_many_requests")
            assert int(headers["retry-after"]) >= 1
            await third.closed()
        async with asyncio.timeout(LIMIT):
            while True:
                async with Raw(port) as again:
                    again.write(head())
                    if (await again.answer())[0] == 200:
                        break


async def test_a_named_proxy_is_many_people() -> None:
    bounds = replace(BOUNDS, per_address=1, proxies=Networks(["127.0.0.0/8"]))
    async with serving(bounds) as port, Raw(port) as one, Raw(port) as other:
        for raw in (one, other):
            raw.write(head())
            assert (await raw.answer())[0] == 200


async def test_the_last_tenth_of_descriptors_is_for_people_who_are_signed_in() -> None:
    def signed_in(headers: Any, query: bytes) -> bool:
        return (b"authorization", b"Bearer good") in headers

    async with serving(replace(BOUNDS, most=40, signed_in=signed_in)) as port, contextlib.AsyncExitStack() as stack:
        for _ in range(36):
            crowd = await stack.enter_async_context(Raw(port))
            crowd.write(head())
            assert (await crowd.answer())[0] == 200
        async with Raw(port) as nobody:
            nobody.write(head())
            status, headers, body = await nobody.answer()
            assert (status, json.loads(body)["reason"]) == (503, "unavailable")
            assert int(headers["retry-after"]) >= 1
        async with Raw(port) as somebody:
            somebody.write(head("authorization: Bearer good"))
            assert (await somebody.answer())[0] == 200
