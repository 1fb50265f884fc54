"""A connection to NATS, and what the streams behind it are."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import nats.errors
from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext
from nats.js.api import StreamInfo

from contracts import subjects
from libs.bus.clocks import ClockCheck
from libs.bus.declare import declare
from libs.bus.halts import Halts
from libs.bus.origin import is_said, mark
from libs.bus.writable_streams import JetStream, Writes

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BusSettings:
    """Where NATS is and who we are. `url` may carry user and password; `user`/`password` win over it."""

    url: str = "nats://127.0.0.1:4222"
    user: str | None = None
    password: str | None = None
    api: str = "$JS.API"
    """What the subjects of JetStream's API begin with for this user."""
    partitions: int = 16
    """How many partitions Spaces fall into; the same for every process of an installation (1 to 256)."""
    replicas: int = 1
    moments_kept: float = 14 * 86_400.0
    """Seconds the stream keeps a moment (presence, media, reactions); facts stay."""
    connect_timeout: float = 10.0
    """Seconds until a NATS that cannot be reached at start is an error."""
    max_workers: int = 512
    """Requests handled at once, per route served."""

    def shown(self) -> str:
        """The address without the password, for people."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def epoch_of(created: datetime) -> str:
    """The identity of a stream that was made then."""
    return format(int(created.timestamp() * 1000), "x")


class Connection:
    """A connection to NATS that reconnects for ever; closed by leaving its context.

    `broker` is FastStream's, on the same connection (`nc`); `js` its JetStream context.
    """

    def __init__(self, service: str, settings: BusSettings, broker: NatsBroker, nc: Client) -> None:
        self.service = service
        self.settings = settings
        self.broker = broker
        self.nc = nc
        self.writes = Writes()
        """What streams have taken lately."""
        self.js: JetStreamContext = JetStream(nc, self.writes, settings.api, timeout=5.0)
        self.halts = Halts(nc, self.js, self.stream_epoch)
        """Who stands before an event that cannot be read."""
        self.clock = ClockCheck(nc, settings.api)
        """Whether this machine's is right."""
        self._disconnected: list[Callable[[], None]] = []
        self._reconnected: list[Callable[[], None]] = []
        self.closed = asyncio.Event()
        """Set when the connection is lost for good (NATS refused our credentials); nothing works after that."""
        self.failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        """What the first of the tasks that `keep` started ended with, once one has."""
        self.moments_end = True
        """Whether the stream takes a time to live; False where an older version made it and we may not change it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Send what is still to be sent, then disconnect."""
        if self.nc.is_connected:
            with contextlib.suppress(nats.errors.Error, TimeoutError, OSError):
                await self.nc.flush(timeout=1)
        if not self.nc.is_closed:
            await self.nc.close()

    @property
    def is_connected(self) -> bool:
        return self.nc.is_connected

    def own_id(self, text: str) -> str:
        """An id for a message that is the same in every process of this service, and that no other one can guess: it
        could have NATS take a message of its own first, and ours for its double."""
        return hmac.digest((self.settings.password or "").encode(), text.encode(), "sha256").hex()

    def keep(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that must not end by an error as long as the connection lives. Whoever starts it cancels it at
        the end; if it raises, that is logged and `failure` tells it, so that the service does not go on without it."""
        task = asyncio.create_task(work, name=name)

        def ended(done: asyncio.Task[None]) -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                _log.error("%s failed", name, exc_info=error)
                if not self.failure.done():
                    self.failure.set_result(error)

        task.add_done_callback(ended)
        return task

    @contextlib.contextmanager
    def on_disconnect(self, call: Callable[[], None]) -> Iterator[None]:
        """Call `call` whenever the connection is lost, before anything comes over the next one, while the context is
        open."""
        self._disconnected.append(call)
        try:
            yield
        finally:
            self._disconnected.remove(call)

    def disconnected(self) -> None:
        """Told by the client."""
        _log.warning("the connection to NATS is lost")
        for call in list(self._disconnected):
            call()

    @contextlib.contextmanager
    def on_reconnect(self, call: Callable[[], None]) -> Iterator[None]:
        """Call `call` whenever the connection came back, while the context is open."""
        self._reconnected.append(call)
        try:
            yield
        finally:
            self._reconnected.remove(call)

    def reconnected(self) -> None:
        """Told by the client."""
        _log.info("connected to NATS again")
        self.writes.forget()
        for call in list(self._reconnected):
            call()

    # -- speaking ----------------------------------------------------------------------------------------------

    async def say(self, subject: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> None:
        """Publish to whoever listens now (core NATS). Raises what the client raises."""
        await self.nc.publish(subject, body, headers=mark(self.service, headers))

    async def request(
        self, subject: str, body: bytes, *, timeout: float, headers: Mapping[str, str] | None = None
    ) -> Msg:
        """Publish to whoever listens now, and wait `timeout` seconds for the answer. Raises what the client raises."""
        return await self.nc.request(subject, body, timeout=timeout, headers=mark(self.service, headers))

    # -- listening ---------------------------------------------------------------------------------------------

    async def listen(self, subject: str, hear: Callable[[Msg], Awaitable[None]], *, queue: str = "") -> Subscription:
        """Call `hear` with every message that somebody publishes on a subject (core NATS), by `say` or `request`.

        What NATS was made to say there is refused (`libs.bus.origin`).
        """

        async def checked(msg: Msg) -> None:
            if is_said(msg):
                await hear(msg)

        return await self.nc.subscribe(subject, queue=queue, cb=checked)

    # -- streams -----------------------------------------------------------------------------------------------

    @staticmethod
    def epoch_of(info: StreamInfo) -> str:
        """The identity of a stream: when it was made, so that one that was deleted and made again is another."""
        return epoch_of(info.created) if info.created else "0"

    async def stream_epoch(self, stream: str = subjects.EVENTS_STREAM) -> str:
        """The identity of a stream as it is now; changes when it was deleted and rebuilt."""
        return self.epoch_of(await self.js.stream_info(stream))

    async def last_sequence(self, stream: str = subjects.EVENTS_STREAM) -> int:
        """Sequence of the newest message, 0 for an empty stream."""
        return (await self.js.stream_info(stream)).state.last_seq

    async def declare(self) -> None:
        """Make every stream and bucket exist as declared (`libs.bus.declare`)."""
        older = await declare(self.js, replicas=self.settings.replicas)
        self.moments_end = "allow_msg_ttl" not in older.get(subjects.EVENTS_STREAM, ())
