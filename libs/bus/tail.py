"""What a stream takes from now on, as NATS publishes it again behind the store (`republish` of the stream).

No consumer is needed for that, but it is core NATS: messages are lost with a connection, and in a cluster also between
the servers. A server that is alone loses none: it disconnects whoever is too slow for it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from nats.aio.client import Client
from nats.aio.subscription import Subscription

from contracts import subjects
from libs.bus import taps
from libs.bus.headers import read_headers
from libs.bus.origin import was_published_at
from libs.bus.stored import Stored

_MOST_BYTES: Final = 8 * 1024 * 1024
"""What waits for a slow reader; beyond that it is read from the stream again."""
_LINES: Final = len("NATS/1.0\r\n")
_BEGIN: Final = b"\r\nNats-Stream: "
_PLACE: Final = re.compile(
    rb"\r\nNats-Stream: (.+)\r\nNats-Subject: ([!-~]+)\r\nNats-Sequence: (\d+)\r\nNats-Time-Stamp: (.+)\r\n"
    rb"Nats-Last-Sequence: \d+\r\n\r\n"
)
"""What NATS adds, behind all the headers that the message had."""


def is_lossless(nc: Client) -> bool:
    """Whether the server that we are connected to keeps the streams itself and is alone."""
    return bool(nc._server_info.get("jetstream")) and "cluster" not in nc._server_info


class Tail:
    """A run of the newest messages that match: all from one place on. Open while its context is.

    Whatever is sent to the subjects that it hears, only what the stream has counts: NATS adds the place in the stream
    itself, behind the headers that the sender wrote; what a consumer delivers has a reply address.
    """

    def __init__(self, nc: Client, stream: str, filters: Sequence[str], after: int) -> None:
        self._nc = nc
        self._stream = stream.encode()
        self._filters = filters
        self._subscriptions: list[Subscription] = []
        self._messages: list[Stored] = []
        self._bytes = 0
        self._broken = True
        """Whether what comes next need not follow what came before."""
        self.first = after + 1
        """Sequence with which the run begins."""
        self.last = after
        """Sequence up to which the run goes."""
        self.settled = after
        """Up to here the reader has, or reads, all that the stream had when it was looked at."""
        self.incomplete = True
        """Set when messages may be missing at the end; the reader clears it."""
        self.strange = False
        """Set when the stream may be another one, made anew; the reader clears it."""
        self.heard = 0
        """How many messages came, for whoever wonders at the silence."""
        self._waiter: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        for one in self._filters:
            self._subscriptions.append(await taps.tap(self._nc, subjects.republished(one), self._hear))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for subscription in self._subscriptions:
            await taps.close(self._nc, subscription)

    def take(self, after: int) -> list[Stored]:
        """The messages of the run behind a sequence. They are kept no longer: the run begins anew behind them."""
        messages, self._messages, self._bytes = self._messages, [], 0
        self.first = self.last + 1
        if messages and messages[0].sequence <= after:
            messages = [message for message in messages if message.sequence > after]
        return messages

    @property
    def doubt(self) -> bool:
        """Whether the stream must be looked at before anything is believed."""
        return self.incomplete or self.strange

    def must_look(self) -> None:
        """Have the reader look for what may be missing."""
        self.incomplete = True
        self._wake()

    def disconnected(self) -> None:
        """Believe nothing until the stream was looked at."""
        self._broken = self.incomplete = True

    async def change(self) -> None:
        """Wait for a message, or a doubt."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _hear(self, subject: bytes, reply: bytes | None, data: bytes, headers: bytes | None) -> None:
        if reply or headers is None:
            return
        place = _PLACE.fullmatch(headers, max(0, headers.rfind(_BEGIN)))
        if place is None or place[1] != self._stream:
            return
        sequence = int(place[3])
        self.heard += 1
        if sequence <= max(self.last, self.settled):
            # The stream begins anew, or the look at it was quicker than what it said.
            self.strange = True
            self._wake()
        if sequence <= self.last:
            return
        # Where nothing is lost, what lies between does not match.
        follows = sequence == self.last + 1 or (not self._broken and is_lossless(self._nc))
        if not follows or self._bytes > _MOST_BYTES:
            self._messages, self._bytes, self.first = [], 0, sequence
        self._broken = False
        self.last = sequence
        told = read_headers(headers[_LINES:])
        published = was_published_at(headers)
        self._messages.append(Stored(place[2].decode(), data, sequence, place[4].decode(), told, published))
        self._bytes += len(data) + len(headers)
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
