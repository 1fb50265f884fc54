"""Serving a table of handlers on one route through FastStream."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from types import TracebackType
from typing import Any, Final, Self

import nats.errors
from faststream.nats import NatsBroker
from faststream.nats.subscriber.usecases import ConcurrentCoreSubscriber

from contracts import subjects
from libs.bus.handlers import Handlers

_log = logging.getLogger(__name__)
_FINISH: Final = 3.0


async def _as_it_is(message: Any) -> Any:
    return message


class Serving:
    """The subscriptions of one route. Made by `Bus.serve`."""

    def __init__(self, broker: NatsBroker, handlers: Handlers, route: str, max_workers: int) -> None:
        self.route = route
        self._broker = broker
        self._handlers = handlers
        self._max_workers = max_workers
        self._subscribers: list[ConcurrentCoreSubscriber] = []
        self._running = 0
        self._quiet = asyncio.Event()
        self._quiet.set()

    async def __aenter__(self) -> Self:
        for kind in ("command", "query"):
            make = subjects.command if kind == "command" else subjects.query
            subscriber = self._broker.subscriber(
                make(self._handlers.service, "*", self.route),
                queue=self._handlers.service,
                max_workers=self._max_workers,
                decoder=_as_it_is,
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
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(_FINISH):
                while self._running or any(
                    s.receive_stream.statistics().current_buffer_used for s in self._subscribers
                ):
                    self._quiet.clear()
                    await self._quiet.wait()
        except TimeoutError:
            _log.warning("%d requests on %s are left unanswered", self._running, self.route)
        for subscriber in self._subscribers:
            subscriber.subscription = None
            await subscriber.stop()
        self._subscribers.clear()

    def _handler_of(self, kind: str) -> Any:
        async def handle(message: Any) -> bytes:
            self._running += 1
            try:
                raw = message.raw_message
                name = raw.subject.rpartition(".")[2]
                return await self._handlers.answer(kind, name, raw.data, raw.headers or {})
            finally:
                self._running -= 1
                if self._running == 0:
                    self._quiet.set()

        return handle
