"""Reading from a JetStream pull consumer: one open request at a time, messages handed over as they come."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from types import TracebackType
from typing import Final, Self

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from libs.bus.origin import is_delivery

_EXPIRES: Final = 30.0
_HEARTBEAT: Final = 2.0
_ENDED: Final = frozenset({"404", "408", "409"})


class ConsumerGone(Exception):
    """The consumer does not exist (any more) on the server."""


class Pull:
    """A running pull on one consumer. Use as a context manager; `batch()` waits for the next messages."""

    def __init__(self, nc: Client, stream: str, consumer: str, size: int) -> None:
        self._nc = nc
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._size = size
        self._inbox = nc.new_inbox()
        self._waiting: deque[Msg] = deque()
        self._arrived = asyncio.Event()
        self._outstanding = 0
        self._gone: str | None = None
        self._subscription: Subscription | None = None

    async def __aenter__(self) -> Self:
        self._subscription = await self._nc.subscribe(
            self._inbox, cb=self._on_message, pending_msgs_limit=-1, pending_bytes_limit=-1
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._subscription is not None and not self._nc.is_closed:
            await self._subscription.unsubscribe()

    async def _on_message(self, msg: Msg) -> None:
        status = msg.headers.get("Status") if msg.headers else None
        # A message may have been stored with a status; what the consumer says of itself has no reply address.
        if status is None or is_delivery(msg):
            self._outstanding -= 1
            self._waiting.append(msg)
            self._arrived.set()
        elif status == "100":
            self._arrived.set()
        elif status in _ENDED:
            self._outstanding = 0
            description = (msg.headers or {}).get("Description", "")
            if "Deleted" in description:
                self._gone = description
            self._arrived.set()
        else:
            self._gone = f"status {status}"
            self._arrived.set()

    def interrupt(self) -> None:
        """Ask again: the open request was lost with the connection."""
        self._outstanding = 0
        self._arrived.set()

    async def batch(self) -> list[Msg]:
        """The next messages, at least one and at most `size`. Raises ConsumerGone."""
        silence = 0
        while not self._waiting:
            if self._gone is not None:
                raise ConsumerGone(self._gone)
            if self._outstanding <= 0:
                await self._ask()
            self._arrived.clear()
            try:
                async with asyncio.timeout(2.5 * _HEARTBEAT):
                    await self._arrived.wait()
                silence = 0
            except TimeoutError:
                # No heartbeat: the request is lost. Twice in a row while connected: the consumer may be lost too.
                self._outstanding = 0
                silence += 1
                if silence > 1 and self._nc.is_connected:
                    raise ConsumerGone("no sign of life") from None
        messages = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._size))]
        if self._outstanding <= 0 and len(self._waiting) < self._size and self._gone is None:
            await self._ask()
        return messages

    async def _ask(self) -> None:
        self._outstanding = self._size
        request = {
            "batch": self._size,
            "expires": int(_EXPIRES * 1e9),
            "idle_heartbeat": int(_HEARTBEAT * 1e9),
        }
        await self._nc.publish(self._next, json.dumps(request).encode(), reply=self._inbox)
