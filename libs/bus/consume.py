"""Durable consumers: at least once, in order as far as possible, and nothing is ever dropped in silence."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.errors import Error as JetStreamError
from pydantic import ValidationError

from contracts import subjects
from contracts.envelope import UnknownEventError, decode
from contracts.sealed import LeftOut, sealed_in
from libs.aio import end
from libs.bus.connection import Connection
from libs.bus.dead_letters import LetterAnswer, bury, without_letter
from libs.bus.declare import ACK_WAIT, consumer_config, ensure_consumer
from libs.bus.earlier import read_earlier
from libs.bus.errors import Poison, Retry
from libs.bus.opening import UNOPENED, Opening, opened, opened_at_last
from libs.bus.origin import was_published
from libs.bus.pull import ConsumerGone, Pull
from libs.bus.received import Raw, Received, received_from, what_breaks
from libs.telemetry import CONSUMED, CONSUMER_LAG, span

_log = logging.getLogger(__name__)
_STALL_FIRST: Final = 0.1
_STALL_LAST: Final = 30.0


Handle = Callable[[Sequence[Received]], Awaitable[None]]
HandleRaw = Callable[[Sequence[Raw]], Awaitable[None]]


def each(handle: Callable[[Received], Awaitable[None]]) -> Handle:
    """Make a batch handler of a function for one event; each event is handled in a span of its own trace."""

    async def handle_batch(batch: Sequence[Received]) -> None:
        for received in batch:
            event = received.event
            with span(f"consume {event.context}.{event.name}", "consumer", parent=received.headers):
                await handle(received)

    return handle_batch


def _is_published(msg: Msg) -> bool:
    return was_published(msg.headers, msg.metadata.timestamp)


def _raw_from(msg: Msg) -> Raw:
    meta = msg.metadata
    return Raw(
        subject=msg.subject,
        data=msg.data,
        sequence=meta.sequence.stream,
        published_at=meta.timestamp,
        headers=msg.headers or {},
        deliveries=meta.num_delivered,
    )


class Consumer:
    """A durable consumer that runs while the context is open. Made by `Bus.consume`.

    A handler gets a batch in stream order. When it raises, each message of the batch is handed over alone; one that
    still fails comes back with a growing delay, and after `max_deliver` failures becomes a dead letter with the
    reason. So a handler must be idempotent, and must stand an older event after a newer one. `Retry` stalls the
    whole consumer instead, in order; `Poison` makes a dead letter at once.
    """

    def __init__(
        self,
        connection: Connection,
        name: str,
        handle: Callable[[list[Any]], Awaitable[None]],
        *,
        raw: bool,
        stream: str,
        filters: Sequence[str],
        batch: int,
        max_deliver: int,
        retry_delay: float,
        from_now: bool,
        exclusive: bool,
        opening: Opening | None = None,
    ) -> None:
        self.name = name
        self._opening = opening
        self._connection = connection
        self._handle = handle
        self._raw = raw
        self._stream = stream
        self._filters = list(filters)
        self._batch = batch
        self._max_deliver = max_deliver
        self._retry_delay = retry_delay
        self._from_now = from_now
        self._exclusive = exclusive
        self._failures: dict[int, int] = {}
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._position = 0
        self._busy = asyncio.Lock()
        self._again: Subscription | None = None

    @property
    def position(self) -> int:
        """Stream sequence of the last message handled, 0 before the first."""
        return self._position

    async def __aenter__(self) -> Self:
        await self._ensure()
        if self._exclusive:
            # What a predecessor that was killed left unacknowledged comes now and in order, not after the ack wait
            # and behind newer messages (ADR-60 of NATS).
            await self._connection.js.reset_consumer(self._stream, self.name)
        subject = subjects.retry(self._connection.service, self.name)
        self._again = await self._connection.listen(subject, self._on_letter, queue=self.name)
        self._task = self._connection.keep(f"consume {self.name}", self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        if self._again is not None and self._connection.nc.is_connected:
            await self._again.unsubscribe()
        if self._task is None:
            return
        try:
            async with asyncio.timeout(2.0):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("consumer %s is stopped inside a batch; it will come again", self.name)
        await end(self._task)

    async def _ensure(self) -> None:
        config = consumer_config(
            self.name, self._filters, unacknowledged=max(1000, 2 * self._batch), from_now=self._from_now
        )
        await ensure_consumer(self._connection.js, self._stream, config)

    async def _run(self) -> None:
        pause = _STALL_FIRST
        while not self._stopping.is_set():
            try:
                await read_earlier(
                    self._connection, self._stream, self.name, self._batch, self._turn, exclusive=self._exclusive
                )
                async with Pull(self._connection.nc, self._stream, self.name, self._batch) as pull:
                    with self._connection.on_reconnect(pull.interrupt):
                        while not self._stopping.is_set():
                            messages = await pull.batch()
                            pause = _STALL_FIRST
                            await self._turn(messages)
            except (ConsumerGone, JetStreamError, nats.errors.Error, TimeoutError, OSError) as error:
                if self._connection.nc.is_closed:
                    return
                _log.warning("consumer %s is interrupted, trying again", self.name, extra={"why": str(error)})
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
                try:
                    await self._ensure()
                except (JetStreamError, nats.errors.Error, TimeoutError, OSError) as again:
                    _log.debug("consumer %s cannot be made yet: %s", self.name, again)

    async def _turn(self, messages: list[Msg]) -> None:
        self._idle.clear()
        try:
            async with self._busy:
                await self._process(messages)
        finally:
            self._idle.set()

    async def _process(self, messages: list[Msg]) -> None:
        good: list[tuple[Msg, Received | Raw]] = []
        words = UNOPENED
        if self._opening is not None:
            bodies = {msg.metadata.sequence.stream: msg.data for msg in messages if _is_published(msg)}
            words = await opened_at_last(bodies, self._opening, lambda seconds: self._wait(seconds, messages))
        for msg in messages:
            if not _is_published(msg):
                _log.error("nobody published message %d on %s", msg.metadata.sequence.stream, msg.subject)
                CONSUMED.labels(self.name, "refused").inc()
                await msg.ack()
                continue
            try:
                good.append((msg, _raw_from(msg) if self._raw else received_from(msg, words)))
            except (UnknownEventError, LeftOut):
                CONSUMED.labels(self.name, "unknown").inc()
                await msg.ack()
            except ValidationError as error:
                await self._bury(msg, f"it breaks its contract: {what_breaks(error)}")
        if not good:
            return
        failed = await self._attempt(good)
        if failed is None:
            return
        if len(good) == 1:
            await self._failed(good[0][0], failed)
            return
        for one in good:
            alone = await self._attempt([one])
            if alone is not None:
                await self._failed(one[0], alone)

    async def _attempt(self, batch: list[tuple[Msg, Received | Raw]]) -> Exception | None:
        """Hand a batch over and acknowledge it; the error where the handler raised one."""
        stall = _STALL_FIRST
        while True:
            work = asyncio.create_task(self._hand_over([item for _, item in batch]))  # noqa: RUF006 (awaited below)
            try:
                await self._watch(work, batch)
                work.result()
                break
            except asyncio.CancelledError:
                work.cancel()
                raise
            except Retry as error:
                _log.warning("consumer %s waits %.1f s", self.name, stall, extra={"why": str(error)})
                CONSUMED.labels(self.name, "stalled").inc()
                await self._wait(stall, [msg for msg, _ in batch])
                stall = min(stall * 2, _STALL_LAST)
            except Exception as error:  # noqa: BLE001  (counted, retried with a delay, then a dead letter)
                return error
        for msg, item in batch:
            await msg.ack()
            self._failures.pop(item.sequence, None)
        self._position = max(self._position, batch[-1][1].sequence)
        CONSUMED.labels(self.name, "handled").inc(len(batch))
        CONSUMER_LAG.labels(self.name).set(batch[-1][0].metadata.num_pending)
        return None

    async def _hand_over(self, items: list[Any]) -> None:
        await self._handle(items)

    async def _watch(self, work: asyncio.Future[None], batch: list[tuple[Msg, Received | Raw]]) -> None:
        while not work.done():
            done, _ = await asyncio.wait({work}, timeout=ACK_WAIT / 3)
            if not done:
                for msg, _item in batch:
                    await msg.in_progress()

    async def _wait(self, seconds: float, batch: Sequence[Msg]) -> None:
        """Wait without losing the batch to the server's redelivery."""
        while seconds > 0:
            await asyncio.sleep(min(seconds, ACK_WAIT / 3))
            seconds -= ACK_WAIT / 3
            for msg in batch:
                await msg.in_progress()

    async def _failed(self, msg: Msg, error: Exception) -> None:
        sequence = msg.metadata.sequence.stream
        failures = self._failures[sequence] = self._failures.get(sequence, 0) + 1
        if isinstance(error, Poison) or failures >= self._max_deliver:
            _log.error("consumer %s gives up on message %d", self.name, sequence, exc_info=error)
            await self._bury(msg, f"{type(error).__name__}: {error}")
            return
        delay = min(self._retry_delay * 2 ** (failures - 1), _STALL_LAST)
        _log.warning(
            "consumer %s failed on message %d (%d of %d), again in %.1f s",
            self.name, sequence, failures, self._max_deliver, delay, exc_info=error,
        )  # fmt: skip
        CONSUMED.labels(self.name, "retried").inc()
        await msg.nak(delay=delay)

    async def _bury(self, msg: Msg, reason: str) -> None:
        sequence = msg.metadata.sequence.stream
        # Raises when it cannot be stored: the message then comes again and is buried later.
        await bury(
            self._connection, self.name, self._stream, sequence, msg.metadata.timestamp,
            msg.subject, msg.headers or {}, msg.data, reason,
        )  # fmt: skip
        await msg.term()
        self._failures.pop(sequence, None)
        self._position = max(self._position, sequence)
        CONSUMED.labels(self.name, "buried").inc()
        _log.error("message %d of %s is a dead letter: %s", sequence, self.name, reason)

    async def _on_letter(self, msg: Msg) -> None:
        """A dead letter of ours is to be tried again: between two batches, once, and the answer says how it went."""
        async with self._busy:
            reason = await self._try_letter(msg)
        CONSUMED.labels(self.name, "handled" if reason is None else "retried").inc()
        await msg.respond(LetterAnswer(handled=reason is None, reason=reason).encode())

    async def _try_letter(self, msg: Msg) -> str | None:
        """Why it still cannot be handled; None where it was."""
        headers = msg.headers or {}
        try:
            subject = headers[subjects.HEADER_ORIGIN]
            sequence = int(headers[subjects.HEADER_SEQUENCE])
            published_at = datetime.fromisoformat(headers[subjects.HEADER_PUBLISHED_AT])
            own = without_letter(headers)
            item: Raw | Received
            if self._raw:
                item = Raw(subject, msg.data, sequence, published_at, own, deliveries=0)
            else:
                words = await opened({sequence: msg.data}, self._opening)
                parts = words.parts.get(sequence) or sealed_in(msg.data)
                event = decode(subject, msg.data, parts, words.texts)
                item = Received(event, sequence, published_at, own, boxes=None if parts is None else parts.boxes)
            await self._hand_over([item])
        except LeftOut:
            return None  # it is told to nobody any more
        except KeyError as error:
            return f"it lacks {error}"
        except UnknownEventError:
            return "this version knows no such event"
        except ValidationError as error:
            return f"it breaks its contract: {what_breaks(error)}"
        except Exception as error:  # noqa: BLE001  (told to whoever asked; the letter stays where it is)
            _log.warning("consumer %s fails on a dead letter again", self.name, exc_info=error)
            return " ".join(f"{type(error).__name__}: {error}".split())[:500]
        _log.info("consumer %s handled dead letter %d", self.name, sequence)
        return None
