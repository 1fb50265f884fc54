"""From an event store to the stream: every committed fact once, in order, at once.

The store is the truth, the stream a copy. The relay looks for the last message of its own context in the stream, goes
on after the notification that message came from, and publishes atomically (NATS ADR-50) under the condition that this
still is the last one (`Nats-Expected-Last-Subject-Sequence`). So two relays of one store do not double anything, and a
stream that was wiped is filled again by itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import msgspec
import nats.errors
from nats.aio.msg import Msg
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from contracts import envelope, subjects
from contracts.envelope import Outgoing, body_of, event_of
from libs.aio import end
from libs.bus import Bus, Unavailable
from libs.bus.batch_publish import send, written
from libs.bus.origin import was_published
from libs.bus.span import is_alone, read_span
from libs.bus.stored import Interrupted, StreamAway, StreamReader
from libs.eventstore import Notification, Store
from libs.ids import new_id
from libs.keyring import Expired
from libs.refusal import Refusal
from libs.telemetry import PUBLISHED, RELAY_LAG, pass_on

_log = logging.getLogger(__name__)

Translate = Callable[[Notification], Sequence[Outgoing]]
Prepare = Callable[[Sequence[Notification]], Awaitable[object]]

COUNT: Final = b"count"
"""Sent with a check, asks for `RelayReport.owed` too."""
_PAGE: Final = 500
_BATCH: Final = 200
_ONE_BY_ONE: Final = 10.0
"""Seconds for which nothing is published in batches once one failed: NATS takes 50 at a time for a stream, and whoever
begins those and ends none has them all."""
_LOOK_AGAIN: Final = 5.0
_DUPLICATE_ID: Final = 10201  # JetStream's err_code for a Nats-Msg-Id seen before inside a batch
_NO_MESSAGE: Final = 10037
_AWAY: Final = (JetStreamError, nats.errors.Error, TimeoutError, OSError, Interrupted, StreamAway)


class StreamAhead(RuntimeError):
    """The stream holds events that the store does not: the store was lost, or belongs to another stream."""


class _Refused(Exception):
    """JetStream did not take a batch."""

    def __init__(self, code: int, description: str) -> None:
        super().__init__(description)
        self.code = code


class _Message(msgspec.Struct, frozen=True, gc=False):
    notification: int
    index: int
    """Which of the notification's events this is."""
    subject: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class RelayReport:
    """What a relay answers when it was told to look at the stream, and everything stored is in it."""

    context: str
    position: int
    """Notification id up to which everything is in the stream."""
    published: int
    """Events published since it was told."""
    owed: int | None = None
    """Events that the stream must hold of what is stored; None where it was not asked to count them."""
    sequence: int | None = None
    """Of the last of these in the stream: what comes behind it was not counted."""

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> RelayReport:
        return cls(**json.loads(data))


class Relay:
    """Publishes what a store commits as contract events of `context`; `translate` may return none, one or several.

    `prepare` is awaited with the facts that are translated next, and finds out what `translate` needs to know. Where it
    raises Unavailable, or `translate` meets a lock that was dropped since (Expired), the same facts are tried again.
    `run` is a task for the life of the service; `flush` waits until everything committed is published.
    """

    def __init__(
        self, bus: Bus, store: Store[Any], translate: Translate, *, context: str, prepare: Prepare | None = None
    ) -> None:
        self._bus = bus
        self._store = store
        self._translate = translate
        self._prepare = prepare
        self._context = context
        self._own = subjects.events_of(context)
        self._position = 0
        self._index = -1
        self._sequence = 0
        self._caught_up = False
        self._heard = 0
        """Up to which news of the store everything was looked for."""
        self._one_by_one_until = float("-inf")
        self._progress = asyncio.Event()
        self._published = 0
        self._asked: list[asyncio.Future[None]] = []
        """Who wants the stream looked at."""
        self._looked: list[asyncio.Future[None]] = []
        """For whom it was looked at, and who waits until everything is in it."""
        self._ask = asyncio.Event()

    @property
    def position(self) -> int:
        """Notification id up to which everything is in the stream."""
        return self._position

    def behind(self) -> str | None:
        """For readiness: None when caught up."""
        return None if self._caught_up else f"publishing stored events, at {self._position}"

    async def flush(self, timeout: float = 2.0) -> None:
        """Wait until everything committed by now is published, at most `timeout` seconds; the rest follows later."""
        try:
            goal = await self._store.last_notification()
        except Refusal as no:
            _log.warning("what is stored is published at the next start", extra={"why": no.detail})
            return
        try:
            async with asyncio.timeout(timeout):
                while self._position < goal:
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            _log.warning("%d stored events are published at the next start", goal - self._position)

    async def run(self) -> None:
        """Publish for ever.

        Raises StreamAhead, and what `translate` raises: a fact that cannot be translated is a bug.
        """
        subject = subjects.relay_check(self._context)
        subscription = await self._bus.listen(subject, self._on_check, queue=subject)
        try:
            await self._run()
        finally:
            if self._bus.nc.is_connected:
                await subscription.unsubscribe()

    async def _on_check(self, msg: Msg) -> None:
        """Look at the stream now, and say so when everything stored is in it; count the events if asked to."""
        before = self._published
        looked = asyncio.get_running_loop().create_future()
        self._asked.append(looked)
        self._ask.set()
        self._store.wake()
        await looked
        report = RelayReport(self._context, self._position, self._published - before)
        if msg.data == COUNT:
            sequence = self._sequence
            report = replace(report, owed=await self._owed(report.position), sequence=sequence)
        await msg.respond(report.encode())

    async def _owed(self, until: int) -> int:
        """How many events the stored facts up to a position make."""
        owed, after = 0, 0
        while after < until:
            notifications = await self._store.notifications(after, _PAGE)
            if not notifications:
                break
            if self._prepare is not None:
                await self._prepare(notifications)
            owed += sum(len(self._translate(n)) for n in notifications if n.id <= until)
            after = notifications[-1].id
        return owed

    async def _run(self) -> None:
        pause = 0.05
        while True:
            try:
                await self._locate()
                pause = 0.05
                while True:
                    await self._turn()
            except NotFoundError:
                _log.warning("the stream is gone; making it again")
                await self._make_stream()
            except _Refused as error:
                # Somebody else published, or our own last publish did succeed: look where the stream stands.
                _log.info("the stream has moved on", extra={"why": str(error)})
            except (*_AWAY, Refusal, Unavailable, Expired) as error:
                _log.warning("the relay is interrupted, trying again", extra={"why": str(error)})
            self._caught_up = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)

    async def _make_stream(self) -> None:
        """Try to, until somebody says that it is there: where NATS has users, only the launcher's may make streams."""
        self._ask.clear()
        making = asyncio.create_task(self._bus.declare())
        asked = asyncio.create_task(self._ask.wait())
        await asyncio.wait({making, asked}, return_when=asyncio.FIRST_COMPLETED)
        await end(asked)
        if not making.done():
            await end(making)
        elif (error := making.exception()) is not None and not isinstance(
            error, (JetStreamError, nats.errors.Error, TimeoutError)
        ):
            raise error

    async def _turn(self) -> None:
        after = self._position - (self._index >= 0)
        notifications = [] if self._looked else self._store.newest(after, _PAGE)
        if not notifications:
            notifications = await self._store.notifications(after, _PAGE)
        if notifications and self._prepare is not None:
            await self._prepare(notifications)
        messages = [m for n in notifications for m in self._messages(n)]
        while messages:
            most = 1 if time.monotonic() < self._one_by_one_until else _BATCH
            await self._publish(messages[:most])
            del messages[:most]
        if notifications:
            self._position, self._index = notifications[-1].id, -1
            self._progress.set()
        if len(notifications) == _PAGE:
            RELAY_LAG.set(await self._store.last_notification() - self._position)
            return
        RELAY_LAG.set(0)
        self._caught_up = True
        for looked in self._looked:
            looked.set_result(None)
        self._looked.clear()
        started = time.monotonic()
        if not self._asked:
            self._heard = await self._store.wait_for_news(self._heard, _LOOK_AGAIN)
        if self._asked or time.monotonic() - started >= _LOOK_AGAIN:
            await self._locate()

    def _messages(self, notification: Notification) -> list[_Message]:
        result: list[_Message] = []
        for index, outgoing in enumerate(self._translate(notification)):
            if notification.id == self._position and index <= self._index:
                continue
            id = str(notification.id) if index == 0 else f"{notification.id}.{index}"
            event = event_of(outgoing)
            headers = envelope.headers(event, id=id, source=self._bus.service)
            headers[subjects.HEADER_NOTIFICATION] = id
            pass_on(notification.record.traceparent, headers, f"relay {event.context}.{event.name}")
            result.append(_Message(notification.id, index, event.subject, body_of(outgoing), headers))
        return result

    async def _locate(self) -> None:
        """Find the last message of ours in the stream, and go on after it."""
        asked = len(self._asked)
        await self._find()
        self._looked += self._asked[:asked]
        del self._asked[:asked]

    async def _find(self) -> None:
        try:
            last = await self._bus.js.get_last_msg(subjects.EVENTS_STREAM, self._own)
        except NotFoundError as error:
            if error.err_code != _NO_MESSAGE:  # then it is the stream that is not there
                raise
            position, index, sequence = 0, -1, 0
        else:
            # A notification may have several events: the rest of this one may be missing.
            sequence = last.seq or 0
            position, index = _place(last.headers) if was_published(last.headers) else await self._before(sequence)
        if sequence == self._sequence:
            return  # as we left it; what was committed since and has no events is behind us
        newest = await self._store.last_notification()
        if position > newest:
            raise StreamAhead(
                f"the stream holds {self._context} events up to {position}, the event store ends at {newest}: "
                "restore the store, or wipe the stream so that it is filled again"
            )
        if position < self._position:
            _log.warning("the stream ends at %d, %d were published: filling it again", position, self._position)
        self._position, self._index, self._sequence = position, index, sequence

    async def _before(self, until: int) -> tuple[int, int]:
        """The place of the last message up to a sequence that a relay published: NATS was made to say others."""
        after = self._sequence if self._sequence <= until else 0
        place = (self._position, self._index) if after else (0, -1)
        bus = self._bus
        alone = is_alone(await bus.js.stream_info(subjects.EVENTS_STREAM))
        async with StreamReader(bus.nc, subjects.EVENTS_STREAM) as reader:
            with bus.on_reconnect(reader.interrupt):
                pages = read_span(bus.js, reader, subjects.EVENTS_STREAM, [self._own], after, until, alone=alone)
                async for messages in pages:
                    place = max([place, *(_place(message.headers) for message in messages if message.published)])
        return place

    async def _publish(self, messages: list[_Message]) -> None:
        try:
            await self._publish_or_not(messages)
        except BaseException:
            if len(messages) > 1:
                self._one_by_one_until = time.monotonic() + _ONE_BY_ONE
            raise

    async def _publish_or_not(self, messages: list[_Message]) -> None:
        try:
            await self._publish_batch(messages)
        except _Refused as error:
            if error.code != _DUPLICATE_ID:
                raise
            # The messages were purged, but the server still remembers their ids. The condition on the sequence is
            # guard enough.
            _log.info("publishing without message ids", extra={"why": str(error)})
            for message in messages:
                message.headers.pop("Nats-Msg-Id", None)
            await self._publish_batch(messages)
        PUBLISHED.labels(self._context).inc(len(messages))
        self._published += len(messages)

    async def _publish_batch(self, messages: list[_Message]) -> None:
        headers = [dict(message.headers) for message in messages]
        headers[0]["Nats-Expected-Last-Subject-Sequence"] = str(self._sequence)
        headers[0]["Nats-Expected-Last-Subject-Sequence-Subject"] = self._own
        if len(messages) > 1:
            batch = new_id()
            for number, of_one in enumerate(headers, 1):
                of_one["Nats-Batch-Id"], of_one["Nats-Batch-Sequence"] = batch, str(number)
            headers[-1]["Nats-Batch-Commit"] = "1"
            before = zip(messages[:-1], headers[:-1], strict=True)
            await send(self._bus.nc, [written(m.subject, h, m.body) for m, h in before])
        last = messages[-1]
        writes = self._bus.writes
        try:
            reply = await self._bus.nc.request(last.subject, last.body, timeout=5.0, headers=headers[-1])
        except (nats.errors.TimeoutError, TimeoutError):
            if self._bus.is_connected:
                writes.failed(subjects.EVENTS_STREAM, "no answer")
            raise
        answer = json.loads(reply.data)
        if "error" in answer:
            if answer["error"].get("code", 0) >= 500:
                writes.failed(subjects.EVENTS_STREAM, answer["error"].get("description", ""))
            raise _Refused(answer["error"].get("err_code", 0), answer["error"].get("description", ""))
        if answer.get("duplicate"):
            raise _Refused(_DUPLICATE_ID, "this message id was seen before")
        writes.took(subjects.EVENTS_STREAM)
        self._sequence = answer["seq"]
        self._position, self._index = last.notification, last.index


def _place(headers: Mapping[str, str] | None) -> tuple[int, int]:
    """Of which notification a message is, and which of its events."""
    number, _, part = (headers or {}).get(subjects.HEADER_NOTIFICATION, "0").partition(".")
    return int(number), int(part or 0)


__all__ = ["Prepare", "Relay", "RelayReport", "StreamAhead", "Translate"]
