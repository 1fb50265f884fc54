"""Headers are read as the client reads them."""

import asyncio

from hypothesis import example, given
from hypothesis import strategies as st
from nats.aio.client import Client

from libs.bus.headers import read_headers, read_with

LINE = st.lists(st.sampled_from([b"Name", b":", b" ", b"\t", b"\x1c", b"\xc2\xa0", b"\xff", b"\r", b"\n", b"-id", b""]))


@given(st.lists(st.one_of(LINE.map(b"".join), st.binary(max_size=20)), max_size=6).map(b"\r\n".join))
@example(b"ce-id: 12\r\nce-time: 2026-11-20T15:00:00+00:00\r\nce-id:\t13 \r\n\r\n")
@example("Name: \u00fcber\u00a0\r\n".encode())
def test_whatever_came_is_read_as_the_client_would(raw: bytes) -> None:
    assert read_headers(raw) == Client._parse_header_lines(raw)


@given(st.lists(st.sampled_from([b"NATS/1.0", b" ", b"404", b"No", b"\r\n", b"\xff", b"Name: 1", b":"])).map(b"".join))
@example(b"NATS/1.0\r\nName: 1\r\n\r\n")
@example(b"NATS/1.0 404 No\r\nName: 1\r\n\r\n")
def test_all_headers_are_read_as_the_client_would_and_those_that_it_cannot_read_are_none(raw: bytes) -> None:
    ours, plain = Client(), Client()
    read_with(ours)
    try:
        expected = asyncio.run(plain._process_headers(raw))
    except (IndexError, UnicodeDecodeError):
        expected = None
    assert asyncio.run(ours._process_headers(raw)) == expected
