"""Sending events to webhooks. Each has a task, connections and a place of its own: none keeps another waiting."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from libs.aio import end
from libs.bus import Unavailable
from libs.refusal import Refusal
from libs.tables import TablesAway
from services.notifications.adapters.deliveries import Attempt, Deliveries, Progress
from services.notifications.adapters.due import Due
from services.notifications.app.figures import ATTEMPTS
from services.notifications.domain.retrying import Retrying
from services.notifications.domain.webhooks import Webhook

_log = logging.getLogger(__name__)
_PAUSE: Final = 1.0
_LATER: Final = 2.0
"""Seconds until an event is looked at again for which keys or names cannot be had."""
_LOOK: Final = 60.0
_GONE: Final = 410


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of an attempt."""

    outcome: str
    """`delivered`, `failed`, `given_up`, `left_out`, or `later`: nothing was tried, since keys or names are away."""
    status: int | None = None
    error: str = ""
    milliseconds: int = 0
    retry_after: float | None = None


Send = Callable[[Webhook, Due], Awaitable[Sent]]
"""Sends an event to a webhook, and raises nothing."""
Wants = Callable[[str], bool]


class Worker:
    """Sends to one webhook. `find` gives it as it is now, None where there is none any more."""

    def __init__(
        self,
        id: str,
        deliveries: Deliveries,
        find: Callable[[], Webhook | None],
        wants: Callable[[Webhook], Wants],
        send: Send,
        give_up: Callable[[str, str], Awaitable[None]],
        retrying: Retrying,
        *,
        slots: int,
        now: Callable[[], datetime],
    ) -> None:
        """`slots` events are on their way at once, of as many Spaces."""
        self._id = id
        self._deliveries = deliveries
        self._find = find
        self._wants = wants
        self._send = send
        self._give_up = give_up
        self._retrying = retrying
        self._slots = slots
        self._now = now
        self._wake = asyncio.Event()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        """By lane."""
        self._done: list[tuple[Due, Sent]] = []
        self._gate: Progress | None = None

    def wake(self) -> None:
        """Look as soon as possible."""
        self._wake.set()

    def begin_anew(self) -> None:
        """Read again how the webhook is doing: somebody resumed it."""
        self._gate = None
        self._wake.set()

    async def run(self) -> None:
        """Until there is no such webhook."""
        try:
            while True:
                self._wake.clear()
                try:
                    wait = await self._look()
                except (TablesAway, Refusal) as error:
                    _log.warning("deliveries wait", extra={"webhook": self._id, "why": str(error)})
                    wait = _PAUSE
                if wait is None:
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
        finally:
            await end(*self._under_way.values())

    async def _look(self) -> float | None:
        """Settle what was tried, begin what is due; seconds until there is more, None where the webhook is gone."""
        webhook = self._find()
        if webhook is None:
            return None
        if self._gate is None:
            self._gate = await self._deliveries.begin(self._id, self._seconds())
        await self._settle()
        if webhook.paused:
            return _LOOK
        wants = self._wants(webhook)
        while True:
            now, gate = self._seconds(), self._gate
            away = gate.failures >= self._retrying.doubt
            free = (1 if away else self._slots) - len(self._under_way)
            if free <= 0:
                return _LOOK  # woken when one is back
            if away and now < gate.next_at:
                return min(gate.next_at - now, _LOOK)
            due, later = await self._deliveries.due(self._id, wants, now, free, self._under_way.keys(), soonest=away)
            for one in due:
                self._begin(webhook, one)
            if len(due) == free:
                return _LOOK
            if not await self._deliveries.take_in(self._id, wants, now):
                return _LOOK if later is None else min(max(later - now, 0.01), _LOOK)

    def _begin(self, webhook: Webhook, due: Due) -> None:
        async def send() -> None:
            sent = await self._send(webhook, due)
            self._done.append((due, sent))
            self._wake.set()

        self._under_way[due.event.lane] = asyncio.create_task(send(), name=f"deliver to {self._id}")

    # -- what became of it -------------------------------------------------------------------------------------

    async def _settle(self) -> None:
        done, self._done = self._done, []
        if not done:
            return
        gate = before = self._gate
        assert gate is not None
        assert before is not None
        dead = ""
        attempts: list[Attempt] = []
        try:
            for due, sent in done:
                if sent.outcome == "later":
                    await self._deliveries.postpone(self._id, due, self._seconds() + _LATER)
                    continue
                gate = self._moved(gate, sent)
                attempts.append(self._attempt(due, sent, gate))
                if sent.status == _GONE:
                    dead = "gone"
            if attempts:
                await self._deliveries.settle(self._id, attempts, gate)
            for attempt in attempts:
                ATTEMPTS.labels(attempt.outcome).inc()
        except BaseException:
            self._done = [*done, *self._done]
            raise
        self._gate = gate
        for due, _ in done:
            self._under_way.pop(due.event.lane, None)
        now = self._seconds()
        if before.failures >= self._retrying.doubt and not gate.failures:
            await self._deliveries.hasten(self._id, now)
        if gate.failing_since is not None and now - gate.failing_since >= self._retrying.give_up:
            dead = dead or "failing"
        if dead:
            _log.error("webhook %s is paused: %s", self._id, dead)
            await self._give_up(self._id, dead)

    def _moved(self, gate: Progress, sent: Sent) -> Progress:
        """How the webhook is doing after an attempt."""
        now = self._seconds()
        if sent.outcome == "delivered":
            return replace(gate, failures=0, failing_since=None, succeeded_at=now, next_at=0.0)
        if sent.outcome != "failed":
            return gate
        failures, since = gate.failures + 1, now if gate.failing_since is None else gate.failing_since
        over = failures - self._retrying.doubt + 1
        next_at = now + self._pause(over, sent) if over > 0 else 0.0
        return replace(gate, failures=failures, failing_since=since, next_at=next_at)

    def _attempt(self, due: Due, sent: Sent, gate: Progress) -> Attempt:
        now = self._seconds()
        attempt = Attempt(due, now, sent.outcome, sent.status, sent.error, sent.milliseconds)
        if sent.outcome != "failed":
            return attempt
        since = now if due.since is None else due.since
        takes_others = gate.succeeded_at > since
        if takes_others and now - since >= self._retrying.give_up:
            return replace(attempt, outcome="given_up")
        next_at = now + self._pause(due.attempts + 1, sent)
        overtaken = due.lane and takes_others and now - since >= self._retrying.hold
        return replace(attempt, next_at=next_at, overtaken=overtaken)

    def _pause(self, attempt: int, sent: Sent) -> float:
        return self._retrying.pause(attempt, random.random(), sent.retry_after)

    def _seconds(self) -> float:
        return self._now().timestamp()


class Deliverer:
    """A worker for each webhook."""

    def __init__(
        self,
        deliveries: Deliveries,
        make: Callable[[str, Callable[[], Webhook | None]], Worker],
        all: Callable[[], Awaitable[list[Webhook]]],
        wants: Callable[[Webhook], Wants],
        forget: Callable[[str], Awaitable[None]],
    ) -> None:
        """`make` makes a worker; `wants` tells which events a webhook is told of; `forget` has everything destroyed of
        one that was removed, again where it was before."""
        self._deliveries = deliveries
        self._make = make
        self._all = all
        self._wants = wants
        self._forget = forget
        self._webhooks: dict[str, Webhook] | None = None
        """None while they are not known."""
        self._workers: dict[str, tuple[Worker, asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None

    def wanted(self, type: str) -> bool:
        """Whether any webhook wants a type of events, those that are paused included."""
        return self._webhooks is None or any(self._wants(one)(type) for one in self._webhooks.values())

    def changed(self) -> None:
        """Look at what there is: somebody changed it."""
        self._changed.set()

    def resumed(self, id: str) -> None:
        """Somebody resumed one."""
        if (found := self._workers.get(id)) is not None:
            found[0].begin_anew()

    def wake(self) -> None:
        """There are events."""
        for worker, _ in self._workers.values():
            worker.wake()

    async def run(self) -> None:
        """For ever. Raises what a worker raised."""
        try:
            while self._failure is None:
                self._changed.clear()
                wait: float | None = None
                try:
                    await self._look()
                except (Refusal, Unavailable, TablesAway) as error:
                    _log.warning("webhooks are looked at later", extra={"why": str(error)})
                    wait = _PAUSE
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._changed.wait()
            raise self._failure
        finally:
            await end(*(task for _, task in self._workers.values()))

    async def _look(self) -> None:
        there = {one.id: one for one in await self._all()}
        self._webhooks = there
        for id in there.keys() - self._workers.keys():
            worker = self._make(id, partial(self._find, id))
            task = asyncio.create_task(worker.run(), name=f"webhook {id}")
            task.add_done_callback(self._ended)
            self._workers[id] = worker, task
        self.wake()
        for id in self._workers.keys() - there.keys():
            await end(self._workers.pop(id)[1])
        for id in set(await self._deliveries.known()) - there.keys():
            await self._forget(id)
            await self._deliveries.forget(id)

    def _find(self, id: str) -> Webhook | None:
        return (self._webhooks or {}).get(id)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = self._failure or error
            self._changed.set()
