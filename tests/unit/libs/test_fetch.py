"""Addresses that others name: asked within bounds, and never in a private network."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from libs.addresses import is_public
from libs.fetch import Fetcher, FetchError, NotAllowed

Answer = Callable[[asyncio.StreamWriter], Any]


@asynccontextmanager
async def a_server(*chunks: bytes, pause: float = 0) -> AsyncIterator[str]:
    """Answers everybody with these bytes, with a pause before each part; its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(pause)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"


def fetcher(*trusted: str) -> Fetcher:
    return Fetcher(trusted=trusted, http_on_loopback=True)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


async def test_what_stands_there_is_fetched() -> None:
    async with a_server(HEAD + b'ETag: "7"\r\nContent-Length: 2\r\n\r\n{}') as url, fetcher("127.0.0.1") as web:
        answer = await web.fetch(url, most=10, within=5)
        assert (answer.status, answer.headers["etag"], answer.body) == (200, '"7"', b"{}")


async def test_a_private_address_is_not_asked_unless_its_host_is_trusted() -> None:
    async with a_server(HEAD + b"Content-Length: 2\r\n\r\n{}") as url:
        for address in (url, url.replace("127.0.0.1", "localhost")):
            async with fetcher() as web:
                with pytest.raises(NotAllowed, match="private network"):
                    await web.fetch(address, most=10, within=5)


async def test_a_name_is_judged_by_every_address_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of them one would be connected to, and whatever the name meant a moment before."""

    def both(*_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, 443)) for address in ("93.184.216.34", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    async with fetcher() as web:
        with pytest.raises(NotAllowed, match="private network"):
            await web.fetch("https://rebound.example/keys", most=10, within=5)


async def test_a_name_whose_server_is_silent_keeps_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, really = threading.Event(), socket.getaddrinfo

    def silent(host: Any, *more: Any, **named: Any) -> Any:
        if host == "silent.example":
            answers.wait()
        return really(host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    try:
        async with fetcher() as one, fetcher("127.0.0.1") as other:
            asked = [one.fetch("https://silent.example/", most=10, within=0.3) for _ in range(20)]
            found = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(error, FetchError) for error in found)
            async with a_server(HEAD + b"Content-Length: 2\r\n\r\n{}") as url:
                assert (await other.fetch(url, most=10, within=5)).body == b"{}"
    finally:
        answers.set()


async def test_of_a_longer_answer_only_the_beginning_is_taken_where_that_is_enough() -> None:
    many = (b"x" * 65536,) * 200
    async with a_server(HEAD + b"Connection: close\r\n\r\n", *many) as url, fetcher("127.0.0.1") as web:
        answer = await web.fetch(url, most=1000, within=5, cut=True)
        assert (answer.status, len(answer.body)) == (200, 1000)


@pytest.mark.parametrize("where", ["http://169.254.169.254/latest/meta-data", "https://issuer.example/other", "/other"])
async def test_nobody_is_sent_elsewhere(where: str) -> None:
    redirect = f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()
    async with a_server(redirect) as url, fetcher("127.0.0.1") as web:
        with pytest.raises(FetchError, match="sends elsewhere"):
            await web.fetch(url, most=10, within=5)


async def test_more_than_is_wanted_is_not_taken_in() -> None:
    many = (b"x" * 65536,) * 200
    for head in (HEAD + b"Content-Length: 13107200\r\n\r\n", HEAD + b"Connection: close\r\n\r\n"):
        async with a_server(head, *many) as url, fetcher("127.0.0.1") as web:
            with pytest.raises(FetchError, match="more than 1000 bytes"):
                await web.fetch(url, most=1000, within=5)


@pytest.mark.parametrize(
    "parts", [(HEAD + b"Content-Length: 9\r\n\r\n", *[b"x"] * 8), [bytes([one]) for one in HEAD], ()]
)
async def test_who_answers_slowly_is_given_up(parts: list[bytes]) -> None:
    async with a_server(*parts, b"", pause=0.2) as url, fetcher("127.0.0.1") as web:
        with pytest.raises(FetchError, match=r"within 0\.3 s|cannot be asked"):
            await web.fetch(url, most=1000, within=0.3)


@pytest.mark.parametrize(
    "answer", [b"nonsense\r\n\r\n", b"", HEAD + b"Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"]
)
async def test_nonsense_is_an_error(answer: bytes) -> None:
    async with a_server(answer) as url, fetcher("127.0.0.1") as web:
        with pytest.raises(FetchError):
            await web.fetch(url, most=1000, within=5)


@pytest.mark.parametrize(
    "url",
    [
        "http://issuer.example/keys", "ftp://issuer.example/keys", "file:///etc/passwd", "https://", "//x/y", "x", "",
        "https://user@issuer.example/", "https://issuer.example:99999/", "https://[::1/", "https://issuer.example/a b",
        "https://issuer.example/\r\nHost: x", "http://127.0.0.1.example/", "http://10.0.0.1/", "https://é.example/",
    ],
)  # fmt: skip
async def test_what_is_no_https_address_is_never_asked(url: str) -> None:
    async with fetcher() as web:
        with pytest.raises(NotAllowed):
            await web.fetch(url, most=10, within=5)


async def test_without_the_setting_this_machine_is_not_asked_either() -> None:
    async with Fetcher(trusted=["127.0.0.1"]) as web:
        with pytest.raises(NotAllowed, match="not https"):
            await web.fetch("http://127.0.0.1/keys", most=10, within=5)


async def test_trusted_hosts_may_be_asked_without_https_where_a_setting_says_so() -> None:
    answer = HEAD + b"Content-Length: 2\r\n\r\n{}"
    async with a_server(answer) as url, Fetcher(trusted=["127.0.0.1"], http_to_trusted=True) as web:
        assert (await web.fetch(url, most=10, within=5)).status == 200
        with pytest.raises(NotAllowed, match="not https"):
            await web.fetch("http://hooks.example/", most=10, within=5)


async def test_a_certificate_that_nobody_signed_is_not_trusted() -> None:
    async with a_server(b"\x15\x03\x01\x00\x02\x02\x28") as url, fetcher("127.0.0.1") as web:
        with pytest.raises(FetchError):
            await web.fetch(url.replace("http:", "https:"), most=10, within=5)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("127.0.0.1", False), ("0.0.0.0", False),
        ("10.1.2.3", False), ("172.16.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False),
        ("100.64.0.1", False), ("224.0.0.1", False), ("255.255.255.255", False), ("240.0.0.1", False), ("::1", False),
        ("::", False), ("fe80::1%eth0", False), ("fd00::1", False), ("ff02::1", False), ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.216.34", True), ("64:ff9b::a00:1", False), ("2002:a00:1::", False), ("fec0::1", False),
        ("198.18.0.1", False), ("192.0.2.1", False), ("x", False), ("", False),
    ],
)  # fmt: skip
def test_what_is_reached_over_the_internet(address: str, public: bool) -> None:
    assert is_public(address) is public
