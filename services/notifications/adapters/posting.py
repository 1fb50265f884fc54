"""Sending to addresses that others name, each with connections of its own: one that hangs keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Self

from libs.fetch import Fetcher, FetchError, authorities

_TAKEN: Final = 4096
"""Bytes of an answer; they are thrown away."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of it."""

    status: int | None
    """None without an answer."""
    error: str
    """Empty where it was taken."""
    milliseconds: int
    retry_after: float | None = None
    """For how many seconds it does not want to be asked again."""


class Poster:
    """Sends to one address, or to one host."""

    def __init__(self, private_hosts: Collection[str], *, connections: int, within: float, context: ssl.SSLContext):
        """`private_hosts` may be in private networks, and be asked without https. An attempt takes `within` seconds at
        most."""
        self._fetcher = Fetcher(trusted=private_hosts, http_to_trusted=True, connections=connections, context=context)
        self._within = within

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._fetcher.__aexit__()

    def check(self, url: str) -> None:
        """Raises NotAllowed for an address that is never asked."""
        self._fetcher.check(url)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        """Send; never raises for what the other side does."""
        began = time.monotonic()
        try:
            answer = await self._fetcher.fetch(
                url, most=_TAKEN, within=self._within, method="POST", headers=headers, body=body, cut=True
            )
        except FetchError as error:
            return Posted(error.status, _without(str(error), url), _since(began))
        took = _since(began)
        if 200 <= answer.status < 300:
            return Posted(answer.status, "", took)
        return Posted(answer.status, f"it answered {answer.status}", took, _retry_after(answer.headers))


class Posters:
    """A `Poster` for each name, made when it is first needed."""

    def __init__(
        self, private_hosts: Collection[str], *, connections: int, within: float, most: int | None = None
    ) -> None:
        """With `most`, which is more than are used at once, the one whose last use is longest ago is closed where there
        would be more."""
        self._most = most
        self._private_hosts = private_hosts
        self._connections = connections
        self._within = within
        self._context = authorities()
        self._open: dict[str, Poster] = {}
        """The one that was used last comes last."""
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(self.close(name) for name in list(self._open)), *self._closing)

    def of(self, name: str) -> Poster:
        """The one of this name."""
        poster = self._open.pop(name, None)
        if poster is None:
            poster = Poster(
                self._private_hosts, connections=self._connections, within=self._within, context=self._context
            )
        self._open[name] = poster
        if self._most is not None and len(self._open) > self._most:
            task = asyncio.create_task(self.close(next(iter(self._open))), name="close connections")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        return poster

    async def close(self, name: str) -> None:
        """Close the connections of one that is not needed any more."""
        if (poster := self._open.pop(name, None)) is not None:
            await poster.__aexit__()


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)


def _without(text: str, url: str) -> str:
    """An error without the address, which may have a secret in it."""
    return text.replace(url[:200], "the address")


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds (RFC 9110, section 10.2.3)."""
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
