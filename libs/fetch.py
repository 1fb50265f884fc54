"""Fetch what stands at an address that others name, within bounds: how much, how long, and from whom.

Redirects are not followed. An address in a private network is not asked, unless its host is one that those who run
this place have named. What is checked is the address that is connected to, so that a name that changes what it points
to (DNS rebinding) is of no use.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import certifi
import httpcore

from libs.addresses import is_loopback, is_public

_CONNECTIONS: Final = 10
_LOOKUPS: Final = 4
"""Names that are looked up at once."""


class FetchError(OSError):
    """It could not be had; the text says why, in words for those who run this place."""

    status: int | None = None
    """What was answered, where something was."""


class NotAllowed(FetchError):
    """It may not be asked: it is private, or not https."""


@dataclass(frozen=True, slots=True)
class Response:
    """What was answered."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name; the last one where there are several."""
    body: bytes


class _Network(httpcore.AsyncNetworkBackend):
    """Connects to public addresses, and to any of hosts that are trusted."""

    def __init__(self, trusted: Collection[str]) -> None:
        self._trusted = trusted
        self._inner: httpcore.AsyncNetworkBackend = httpcore.AnyIOBackend()
        self._lookups = asyncio.Semaphore(_LOOKUPS)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            addresses = await self._look_up(host, port)
        except (OSError, UnicodeError) as error:
            raise FetchError(f"{host} is not found: {error}") from error
        if host.lower() not in self._trusted and not all(map(is_public, addresses)):
            raise NotAllowed(f"{host} is in a private network, which nobody may have us ask")
        trouble: Exception | None = None
        for address in addresses[:4]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                trouble = error
        raise FetchError(f"{host} cannot be reached: {trouble}")

    async def _look_up(self, host: str, port: int) -> list[str]:
        """The addresses of a name. Raises OSError, UnicodeError.

        In a thread of its own: a name whose server does not answer would keep one of asyncio's few, and with it the
        end of the process, for half a minute.
        """
        await self._lookups.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str]] = loop.create_future()

        def done(found: list[str], error: Exception | None) -> None:
            self._lookups.release()
            if not answer.done():
                answer.set_result(found) if error is None else answer.set_exception(error)

        def work() -> None:
            found: list[str] = []
            trouble: Exception | None = None
            try:
                found = [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
            except (OSError, UnicodeError) as error:
                trouble = error
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(done, found, trouble)

        threading.Thread(target=work, name=f"look up {host[:40]}", daemon=True).start()
        return await answer

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def authorities() -> ssl.SSLContext:
    """Whose certificates are taken: those of the system and of Mozilla. Reading them takes some ten milliseconds."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


class Fetcher:
    """Asks web servers. `async with` it, so that its connections are closed."""

    def __init__(
        self,
        *,
        trusted: Iterable[str] = (),
        http_on_loopback: bool = False,
        http_to_trusted: bool = False,
        connections: int = _CONNECTIONS,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """`trusted`: hosts that may be in a private network. `http_on_loopback` lets addresses of this machine be asked
        without https, and `http_to_trusted` trusted hosts. There are `connections` at once. `context` is one of
        `authorities`, which several may share."""
        self._http_on_loopback = http_on_loopback
        self._http_to_trusted = http_to_trusted
        self._trusted = frozenset(host.lower() for host in trusted)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context or authorities(),
            max_connections=connections,
            keepalive_expiry=5.0,
            network_backend=_Network(self._trusted),
        )

    async def __aenter__(self) -> Fetcher:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.aclose()

    def check(self, url: str) -> None:
        """Raises NotAllowed for an address that is never asked."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise NotAllowed(f"{url[:200]} is no address") from None
        if not host or parts.username is not None or not url.isascii() or any(ord(letter) <= 32 for letter in url):
            raise NotAllowed(f"{url[:200]} is no address")
        plain = (self._http_on_loopback and is_loopback(host)) or (self._http_to_trusted and host in self._trusted)
        if parts.scheme == "https" or (parts.scheme == "http" and plain):
            return
        raise NotAllowed(f"{url[:200]} is not https")

    async def fetch(
        self,
        url: str,
        *,
        most: int,
        within: float,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        cut: bool = False,
    ) -> Response:
        """What an address answers: at most `most` bytes, whole within `within` seconds. With `cut`, no more than those
        are taken of a longer answer. Raises FetchError."""
        self.check(url)
        sent = {"accept-encoding": "identity", "user-agent": "rostrum", **(headers or {})}
        try:
            async with asyncio.timeout(within):
                async with self._pool.stream(method, url, headers=list(sent.items()), content=body) as answer:
                    told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
                    if 300 <= answer.status < 400 and answer.status != 304:
                        elsewhere = FetchError(f"{url[:200]} sends elsewhere ({answer.status}), which is not followed")
                        elsewhere.status = answer.status
                        raise elsewhere
                    if not cut and told.get("content-encoding", "identity") != "identity":
                        raise FetchError(f"{url[:200]} answers compressed, which was not asked for")
                    taken = bytearray()
                    async for chunk in answer.aiter_stream():
                        taken += chunk
                        if len(taken) > most and cut:
                            break
                        if len(taken) > most:
                            raise FetchError(f"{url[:200]} answers more than {most} bytes")
        except TimeoutError:
            raise FetchError(f"{url[:200]} did not answer within {within:g} s") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, ssl.SSLError) as error:
            raise FetchError(f"{url[:200]} cannot be asked: {error}") from error
        return Response(answer.status, told, bytes(taken[:most]))
