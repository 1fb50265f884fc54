"""Commands, queries and events over one connection to NATS."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, TypeVar

import nats.errors
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NoStreamResponseError
from pydantic import TypeAdapter, ValidationError

from contracts import envelope, subjects
from contracts.commands import Accepted, Refused, Request
from contracts.envelope import Event, Model, Outgoing, body_of, event_of
from contracts.growing import read
from contracts.sealed import LeftOut
from libs.bus.connection import BusSettings, Connection
from libs.bus.consume import Consumer, Handle, HandleRaw
from libs.bus.errors import CannotConnect, Unavailable
from libs.bus.follow import follow_raw
from libs.bus.halts import Hold
from libs.bus.handlers import Handlers
from libs.bus.headers import read_with
from libs.bus.opening import Opening, opened_at_last
from libs.bus.origin import answer_unguessably, mark, said_now
from libs.bus.received import Received, bodies_of, received_one, unreadable_from
from libs.bus.serve import Serving
from libs.ids import new_id
from libs.refusal import Refusal
from libs.telemetry import ASK_SECONDS, PUBLISHED, inject, span

_log = logging.getLogger(__name__)

R = TypeVar("R", bound=Model)

_ATTEMPT: Final = 1.0
"""Seconds the first attempt of a request may take; each further one takes twice as long."""
_replies: dict[type[Model], TypeAdapter[Any]] = {}


class Bus(Connection):
    """Everything a service does over its connection to NATS. Made by `connect`."""

    # -- asking ------------------------------------------------------------------------------------------------

    def route_of(self, request: Request[Any]) -> str:
        """The route token of a request: its partition, or `any`."""
        key = request.partition_key
        return subjects.ANY if key is None else str(subjects.partition_of(key, self.settings.partitions))

    async def ask(self, request: Request[R], *, route: str | None = None, timeout: float = 5.0) -> Accepted[R]:
        """Send a command or query and wait for the answer; `.result` is typed, `.version` the aggregate's.

        Sent again with growing pauses while nobody answers, within `timeout` seconds: a command happens once all the
        same, by its command id. `route` is a node id where the request is meant for one process. Raises Refusal,
        Unavailable.
        """
        subject = request.subject(route if route is not None else self.route_of(request))
        body = envelope.encoded(request)
        started = time.monotonic()
        with span(f"ask {request.service}.{request.name}", "client"):
            headers = mark(self.service, inject({}))
            data = await self._request(subject, body, headers, started + timeout)
        ASK_SECONDS.labels(request.service, request.name).observe(time.monotonic() - started)
        try:
            reply: Accepted[R] | Refused = read(_reply_of(request.result).validate_json, data)
        except ValidationError as error:
            raise Unavailable(f"{request.service} gave an answer that breaks its contract: {error}") from error
        if isinstance(reply, Refused):
            raise Refusal(reply.reason, reply.detail, retry=reply.retry, field=reply.field)
        return reply

    async def _request(self, subject: str, body: bytes, headers: dict[str, str], deadline: float) -> bytes:
        pause, attempt = 0.02, _ATTEMPT
        why = "no answer"
        while (left := deadline - time.monotonic()) > 0:
            try:
                msg = await self.nc.request(subject, body, timeout=min(left, attempt), headers=headers)
                return msg.data
            except nats.errors.NoRespondersError:
                why = "nobody serves it"
            except (nats.errors.TimeoutError, TimeoutError):
                # Whoever had it may have died with it.
                why = "no answer"
                attempt *= 2
            except (nats.errors.Error, OSError) as error:
                why = str(error)
            await asyncio.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(pause * 2, 0.5)
        raise Unavailable(f"{subject}: {why}")

    # -- answering ---------------------------------------------------------------------------------------------

    def serve(self, handlers: Handlers, *, route: str = subjects.ANY, hot: bool = False) -> Serving:
        """Answer a service's commands and queries on one route while the context is open.

        Leaving it takes no new request, and finishes those that are being handled. A `hot` route, thousands of
        requests a second, is read from nats-py; the others through FastStream.
        """
        return Serving(self.broker, self.nc, handlers, route, most=self.settings.max_workers, hot=hot)

    # -- events ------------------------------------------------------------------------------------------------

    async def publish_event(self, event: Event, *, id: str | None = None, timeout: float = 5.0) -> int:
        """Publish a moment (presence, media, reactions) and return its sequence in the stream.

        The stream keeps a moment for `settings.moments_kept` seconds. Facts, which come from an event store and are
        kept for ever, are published by `libs.relay` and by nothing else. `id` makes a repeated publish one event
        (within two minutes). Sent again within `timeout` seconds when NATS is away; it stays one event. Raises
        Unavailable.
        """
        with span(f"publish {event.context}.{event.name}", "producer"):
            headers = self._moment(event, id or new_id())
            sequence = await self._publish(event.subject, envelope.encoded(event), headers, timeout)
        PUBLISHED.labels(event.context).inc()
        return sequence

    async def publish_events(self, events: Sequence[tuple[Outgoing, str]], *, timeout: float = 5.0) -> None:
        """Publish many moments, each with its id, in order and without waiting for each one.

        Raises Unavailable when not all of them were stored; publishing the same again doubles none.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._until_connected()
                waiting: list[asyncio.Future[Any]] = []
                for outgoing, id in events:
                    event = event_of(outgoing)
                    headers = self._moment(event, id)
                    body = body_of(outgoing)
                    waiting.append(
                        await self.js.publish_async(event.subject, body, headers=headers, stream=subjects.EVENTS_STREAM)
                    )
                await asyncio.gather(*waiting)
        except (nats.errors.Error, TimeoutError, OSError, JetStreamError) as error:
            if self.is_connected:
                self.writes.failed(subjects.EVENTS_STREAM, error)
            raise Unavailable(f"{len(events)} events: {error}") from error
        self.writes.took(subjects.EVENTS_STREAM)
        for outgoing, _ in events:
            PUBLISHED.labels(event_of(outgoing).context).inc()

    async def _until_connected(self) -> None:
        """Wait while NATS is away. The client would keep what is published with the time at which it was sent: the
        stream would take it too late, and what is sent again as its double."""
        back = asyncio.Event()
        with self.on_reconnect(back.set):
            if not self.is_connected and not self.nc.is_closed:
                await back.wait()

    def _moment(self, event: Event, id: str) -> dict[str, str]:
        headers = envelope.headers(event, id=id, source=self.service) | said_now()
        if self.moments_end:
            headers["Nats-TTL"] = f"{round(self.settings.moments_kept)}s"
        inject(headers)
        return headers

    async def tell(self, event: Event) -> None:
        """Send an event that is kept nowhere to whoever listens now. Raises Unavailable while NATS is away."""
        if not event.passing:
            raise TypeError(f"{type(event).__name__} is kept: publish it")
        if not self.is_connected:
            # The client would queue it, and send it when nobody wants it any more.
            raise Unavailable(f"{event.subject}: not connected to NATS")
        try:
            await self.say(event.subject, envelope.encoded(event), headers=inject({}))
        except (nats.errors.Error, OSError) as error:
            raise Unavailable(f"{event.subject}: {error}") from error
        PUBLISHED.labels(event.context).inc()

    async def hear(self, handle: Callable[[Event], None], *, filter: str = subjects.PASSING_SUBJECTS) -> None:
        """Call `handle` with every passing event from now on, for as long as the connection lives.

        An event of an unknown type is passed over; one that breaks its contract is logged and passed over.
        """

        async def on_message(msg: Msg) -> None:
            try:
                event = envelope.decode(msg.subject, msg.data)
            except envelope.UnknownEventError:
                return
            except ValidationError:
                _log.exception("a message on %s breaks its contract", msg.subject)
                return
            handle(event)

        await self.listen(filter, on_message)

    async def _publish(self, subject: str, body: bytes, headers: dict[str, str], timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            try:
                ack = await self.js.publish(
                    subject, body, timeout=max(0.05, min(left, 1.0)), headers=headers, stream=subjects.EVENTS_STREAM
                )
                return ack.seq
            except (nats.errors.Error, TimeoutError, OSError, NoStreamResponseError) as error:
                if deadline - time.monotonic() < 0.1 or self.nc.is_closed:
                    raise Unavailable(f"{subject}: {error}") from error
                await asyncio.sleep(0.05)

    def consume(
        self,
        name: str,
        handle: Handle,
        *,
        filters: Sequence[str],
        batch: int = 200,
        max_deliver: int = 8,
        retry_delay: float = 0.5,
        from_now: bool = False,
        exclusive: bool = False,
        opening: Opening | None = None,
    ) -> Consumer:
        """A durable consumer of EVENTS; runs while the context is open. See `Consumer` for what a handler may do.

        `name` is unique in the installation (`<service>-<purpose>`); `filters` are subjects of `contracts.subjects`
        that do not overlap. `exclusive` says that no other process reads this consumer: after a crash it continues at
        once where it was, in order, and not after the ack wait. Words are opened as in `follow`.
        """
        return Consumer(
            self, name, handle, raw=False, stream=subjects.EVENTS_STREAM, filters=filters, batch=batch,
            max_deliver=max_deliver, retry_delay=retry_delay, from_now=from_now, exclusive=exclusive, opening=opening,
        )  # fmt: skip

    def consume_raw(
        self,
        name: str,
        handle: HandleRaw,
        *,
        stream: str,
        filters: Sequence[str],
        batch: int = 200,
        max_deliver: int = 8,
        retry_delay: float = 0.5,
        from_now: bool = False,
        exclusive: bool = False,
    ) -> Consumer:
        """Like `consume` for a stream that holds no contract events: the handler gets `Raw` messages."""
        return Consumer(
            self, name, handle, raw=True, stream=stream, filters=filters, batch=batch,
            max_deliver=max_deliver, retry_delay=retry_delay, from_now=from_now, exclusive=exclusive,
        )  # fmt: skip

    async def follow(
        self,
        *,
        filters: Sequence[str],
        after: int = 0,
        epoch: str | None = None,
        batch: int = 500,
        unreadable: Hold | None = None,
        unknown: Callable[[str, int], None] | None = None,
        passed: Callable[[int], None] | None = None,
        opening: Opening | None = None,
    ) -> AsyncIterator[list[Received]]:
        """Batches of EVENTS after sequence `after`, in order, each once, for ever; nothing is acknowledged.

        For a read model that keeps its own position. Give the `epoch` (see `stream_epoch`) the position belongs to:
        raises StreamReset when the stream is another one. An event of a type that this version does not know is left
        out, and `unknown` told its subject and sequence before the batch comes, which is empty where it held nothing
        else; so is what nobody published, and what is told to nobody any more since its words were erased: of both
        `passed` is told the sequence. At one that breaks its contract `unreadable` is awaited, which may be
        `halts.hold`; without it, it is logged and left out. Words are opened with `opening`, which is waited for where
        keys cannot be had; without it, events have what stands for words that nobody opens.
        """
        async for messages in follow_raw(self, subjects.EVENTS_STREAM, filters, after, epoch, batch):
            result: list[Received] = []
            words = await opened_at_last(bodies_of(messages), opening)
            for message in messages:
                if not message.published:
                    _log.error("nobody published message %d on %s", message.sequence, message.subject)
                    if passed is not None:
                        passed(message.sequence)
                    continue
                try:
                    result.append(received_one(message, words))
                except LeftOut:
                    if passed is not None:
                        passed(message.sequence)
                except envelope.UnknownEventError:
                    if unknown is not None:
                        unknown(message.subject, message.sequence)
                except ValidationError as error:
                    if unreadable is None:
                        _log.exception("message %d breaks its contract", message.sequence)
                        continue
                    if result:
                        yield result
                        result = []
                    await unreadable(unreadable_from(message, error, epoch))
            if result or unknown is not None or passed is not None:
                yield result


def _reply_of(result: type[Model]) -> TypeAdapter[Any]:
    try:
        return _replies[result]
    except KeyError:
        kinds: Any = Accepted[result] | Refused  # type: ignore[valid-type]
        adapter: TypeAdapter[Any] = TypeAdapter(kinds)
        _replies[result] = adapter
        return adapter


async def connect(service: str, settings: BusSettings) -> Bus:
    """Connect to NATS and declare the streams. Raises CannotConnect after `settings.connect_timeout` seconds."""
    problems: list[str] = []
    holder: list[Bus] = []

    async def on_error(error: Exception) -> None:
        problems.append(str(error) or type(error).__name__)
        del problems[:-5]
        if holder:
            _log.warning("NATS: %s", problems[-1])

    async def on_reconnected() -> None:
        if holder:
            holder[0].reconnected()

    async def on_closed() -> None:
        if holder:
            holder[0].closed.set()

    async def on_disconnected() -> None:
        if holder and not holder[0].nc.is_closed:
            holder[0].disconnected()

    options: dict[str, Any] = {}
    if settings.user is not None:
        options |= {"user": settings.user, "password": settings.password or ""}
    url = settings.url if settings.user is None else settings.shown()
    broker = NatsBroker(
        url,
        name=f"rostrum-{service}",
        inbox_prefix=subjects.inbox(service),  # answers, keys among them, are for this service alone to hear
        error_cb=on_error,
        reconnected_cb=on_reconnected,
        disconnected_cb=on_disconnected,
        closed_cb=on_closed,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.1,  # type: ignore[arg-type]  # nats-py takes fractions of a second
        connect_timeout=2,
        ping_interval=5,
        max_outstanding_pings=2,
        pending_size=16 * 1024 * 1024,
        logger=None,
        apply_types=False,
        graceful_timeout=3.0,
        security=_security(options),
    )
    try:
        async with asyncio.timeout(settings.connect_timeout):
            nc = await broker.connect()
    except TimeoutError:
        why = problems[-1] if problems else "no answer"
        raise CannotConnect(f"NATS at {settings.shown()} cannot be reached: {why}") from None
    except (nats.errors.Error, OSError, ValueError) as error:
        raise CannotConnect(f"NATS at {settings.shown()} refuses us: {error}") from error
    read_with(nc)
    answer_unguessably(nc)
    bus = Bus(service, settings, broker, nc)
    holder.append(bus)
    try:
        await bus.declare()
    except (nats.errors.Error, TimeoutError, OSError) as error:
        await bus.close()
        raise CannotConnect(f"JetStream at {settings.shown()} does not work: {error}") from error
    return bus


def _security(options: dict[str, Any]) -> Any:
    if not options:
        return None
    from faststream.security import SASLPlaintext

    return SASLPlaintext(username=options["user"], password=options["password"])
