"""Serving a table of handlers on one route through FastStream."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from types import TracebackType
from typing import Any, Final, Self

import nats.errors
from faststream.nats import NatsBroker
from faststream.nats.subscriber.usecases import CoreSubscriber
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import subjects
from libs.bus.handlers import Handlers

_log = logging.getLogger(__name__)
_FINISH: Final = 3.0


async def _as_it_is(message: Any) -> Any:
    return message


class Serving:
    """The subscriptions of one route. Made by `Bus.serve`.

    FastStream receives; each request is answered in a task of its own, at most `most` at once, so that one that waits
    for its commit holds up no other. (FastStream's own `max_workers` costs as much again as all the rest of it.)
    """

    def __init__(self, broker: NatsBroker, nc: Client, handlers: Handlers, route: str, most: int) -> None:
        self.route = route
        self._broker = broker
        self._nc = nc
        self._handlers = handlers
        self._most = most
        self._subscribers: list[CoreSubscriber] = []
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for kind, make in (("command", subjects.command), ("query", subjects.query)):
            subscriber = self._broker.subscriber(
                make(self._handlers.service, "*", self.route),
                queue=self._handlers.service,
                decoder=_as_it_is,
                no_reply=True,
                persistent=False,
            )
            subscriber(self._handler_of(kind))
            await subscriber.start()
            self._subscribers.append(subscriber)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for subscriber in self._subscribers:
            # First no new requests, then the end of those that came, then FastStream's own end.
            if subscriber.subscription is not None:
                with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
                    await subscriber.subscription.drain()  # type: ignore[no-untyped-call]
        if self._running:
            _, left = await asyncio.wait(self._running, timeout=_FINISH)
            if left:
                _log.warning("%d requests on %s are left unanswered", len(left), self.route)
        for subscriber in self._subscribers:
            subscriber.subscription = None
            await subscriber.stop()
        self._subscribers.clear()

    def _handler_of(self, kind: str) -> Any:
        async def handle(message: Any) -> None:
            if len(self._running) >= self._most:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.create_task(self._answer(kind, message.raw_message))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

        return handle

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
