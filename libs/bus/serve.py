"""Serving a table of handlers on one route: through FastStream, or straight from the client where it is hot."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Final, Self

import nats.errors
from faststream.nats import NatsBroker
from faststream.nats.subscriber.usecases import CoreSubscriber
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from contracts import subjects
from libs.bus.handlers import Handlers
from libs.bus.origin import is_said

_log = logging.getLogger(__name__)
_FINISH: Final = 3.0


async def _as_it_is(message: Any) -> Any:
    return message


class Serving:
    """The subscriptions of one route. Made by `Bus.serve`.

    Each request is answered in a task of its own, at most `most` at once, so that one that waits for its commit holds
    up no other. (FastStream's own `max_workers` costs as much again as all the rest of it.) A `hot` route is read from
    nats-py: what FastStream does with a message costs a quarter of a whole command.
    """

    def __init__(self, broker: NatsBroker, nc: Client, handlers: Handlers, route: str, *, most: int, hot: bool) -> None:
        self.route = route
        self._broker = broker
        self._nc = nc
        self._handlers = handlers
        self._hot = hot
        self._free = asyncio.Semaphore(most)
        self._subscribers: list[CoreSubscriber] = []
        self._subscriptions: list[Subscription] = []
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for kind, make in (("command", subjects.command), ("query", subjects.query)):
            subject = make(self._handlers.service, "*", self.route)
            self._subscriptions.append(await self._subscribe(subject, self._receiver(kind)))
        return self

    async def _subscribe(self, subject: str, receive: Callable[[Msg], Awaitable[None]]) -> Subscription:
        if self._hot:
            return await self._nc.subscribe(subject, queue=self._handlers.service, cb=receive)

        async def handle(message: Any) -> None:
            await receive(message.raw_message)

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
                await subscription.drain()  # type: ignore[no-untyped-call]
        if self._running:
            _, left = await asyncio.wait(self._running, timeout=_FINISH)
            if left:
                _log.warning("%d requests on %s are left unanswered", len(left), self.route)
        for subscriber in self._subscribers:
            subscriber.subscription = None
            await subscriber.stop()
        self._subscriptions.clear()
        self._subscribers.clear()

    def _receiver(self, kind: str) -> Callable[[Msg], Awaitable[None]]:
        def ended(task: asyncio.Task[None]) -> None:
            self._running.discard(task)
            self._free.release()

        async def receive(request: Msg) -> None:
            if not is_said(request):
                return
            await self._free.acquire()
            task = asyncio.create_task(self._answer(kind, request))
            self._running.add(task)
            task.add_done_callback(ended)

        return receive

    async def _answer(self, kind: str, request: Msg) -> None:
        name = request.subject.rpartition(".")[2]
        reply = await self._handlers.answer(kind, name, request.data, request.headers or {})
        if not request.reply:
            return
        try:
            await self._nc.publish(request.reply, reply)
        except (nats.errors.Error, OSError) as error:
            # Who asked will ask again, and is answered alike.
            _log.warning("an answer to %s could not be sent", name, extra={"why": str(error)})
