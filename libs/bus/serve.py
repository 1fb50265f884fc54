"""Serving a table of handlers on one route: through FastStream, or straight from the client where it is hot."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import nats.errors
from faststream.nats import NatsBroker
from faststream.nats.subscriber.usecases import CoreSubscriber
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from contracts import subjects
from libs.bus import taps
from libs.bus.handlers import Handlers
from libs.bus.headers import plain_headers
from libs.bus.origin import was_said

_log = logging.getLogger(__name__)
_FINISH: Final = 3.0
_WAITING_BYTES: Final = 64 * 1024 * 1024
"""What may be kept of requests for which there is no room yet."""
_OVERHEAD: Final = 1024
"""Bytes that each of them takes beside its body."""


_Asked = tuple[str, str, str, bytes, Mapping[str, str]]
"""Command or query, its name, where the answer goes, its JSON, and its headers."""


async def _as_it_is(message: Any) -> Any:
    return message


class Serving:
    """The subscriptions of one route. Made by `Bus.serve`.

    Each request is answered in a task of its own, at most `most` at once, so that one that waits for its commit holds
    up no other. (FastStream's own `max_workers` costs as much again as all the rest of it.) A `hot` route is heard
    where it is parsed: what FastStream does with a message costs a quarter of a whole command, and what nats-py does
    with it a twentieth.
    """

    def __init__(self, broker: NatsBroker, nc: Client, handlers: Handlers, route: str, *, most: int, hot: bool) -> None:
        self.route = route
        self._broker = broker
        self._nc = nc
        self._handlers = handlers
        self._hot = hot
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._subscribers: list[CoreSubscriber] = []
        self._subscriptions: list[Subscription] = []
        self._running: set[asyncio.Task[None]] = set()
        self._waiting: deque[_Asked] = deque()
        self._bytes = 0
        """What waits comes to."""

    async def __aenter__(self) -> Self:
        for kind, make in (("command", subjects.command), ("query", subjects.query)):
            subject = make(self._handlers.service, "*", self.route)
            self._subscriptions.append(await self._subscribe(kind, subject))
        return self

    async def _subscribe(self, kind: str, subject: str) -> Subscription:
        def hear(subject: bytes, reply: bytes | None, body: bytes, headers: bytes | None) -> None:
            on, back = subject.decode("utf-8", "replace"), (reply or b"").decode("utf-8", "replace")
            self._take(kind, on, back, body, plain_headers(headers))

        if self._hot:
            return await taps.tap(self._nc, subject, hear, queue=self._handlers.service)

        async def handle(message: Any) -> None:
            msg: Msg = message.raw_message
            self._take(kind, msg.subject, msg.reply, msg.data, msg.headers)

        subscriber = self._broker.subscriber(
            subject, queue=self._handlers.service, decoder=_as_it_is, no_reply=True, persistent=False
        )
        subscriber(handle)
        await subscriber.start()
        self._subscribers.append(subscriber)
        assert isinstance(subscriber.subscription, Subscription)
        return subscriber.subscription

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for subscription in self._subscriptions:
            # First no new requests, then the end of those that came, then FastStream's own end.
            with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
                await taps.drain(self._nc, subscription)
        clock = asyncio.get_running_loop().time
        until = clock() + _FINISH
        while self._running and (time_left := until - clock()) > 0:
            await asyncio.wait(self._running, timeout=time_left)
        if left := len(self._running) + len(self._waiting):
            _log.warning("%d requests on %s are left unanswered", left, self.route)
        for subscriber in self._subscribers:
            subscriber.subscription = None
            await subscriber.stop()
        self._subscriptions.clear()
        self._subscribers.clear()

    def _take(self, kind: str, subject: str, reply: str, body: bytes, headers: Mapping[str, str] | None) -> None:
        if not was_said(subject, reply, headers):
            return
        asked = kind, subject.rpartition(".")[2], reply, body, headers or {}
        if len(self._running) < self._most:
            self._begin(asked)
        elif self._bytes < _WAITING_BYTES:
            self._bytes += len(body) + _OVERHEAD
            self._waiting.append(asked)
        else:
            # Who asked will ask again.
            _log.error("there is no room for what came on %s: left out", subject)

    def _begin(self, asked: _Asked) -> None:
        task = self._loop.create_task(self._answer(*asked))
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._waiting:
            asked = self._waiting.popleft()
            self._bytes -= len(asked[3]) + _OVERHEAD
            self._begin(asked)

    async def _answer(self, kind: str, name: str, reply: str, body: bytes, headers: Mapping[str, str]) -> None:
        answer = await self._handlers.answer(kind, name, body, headers)
        if not reply:
            return
        try:
            await self._nc.publish(reply, answer)
        except (nats.errors.Error, OSError) as error:
            # Who asked will ask again, and is answered alike.
            _log.warning("an answer to %s could not be sent", name, extra={"why": str(error)})
