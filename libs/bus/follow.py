"""Following a stream from a place one remembers: in order, each message once, nothing acknowledged, without a consumer.

What the stream takes from now on is heard as NATS publishes it again (`Tail`), what was missed is read (`read_span`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Final

import nats.errors
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from libs.bus.connection import Connection
from libs.bus.errors import StreamReset
from libs.bus.span import covering, is_alone, matching, read_span
from libs.bus.stored import Interrupted, Stored, StreamAway, StreamReader
from libs.bus.tail import Tail

_log = logging.getLogger(__name__)
_SILENCE: Final = 5.0
"""Seconds without a message after which the stream is looked at: the newest may have been lost on the way."""
_NOT_REPUBLISHED: Final = 0.2
"""The same where an operator has not run `rostrum streams` since an upgrade, so that nothing is heard."""
_PAUSE: Final = 0.05
_FEW: Final = 1000
"""As many sequences are read at once, and not filter by filter."""


async def follow_raw(
    connection: Connection, stream: str, filters: Sequence[str], after: int, epoch: str | None, batch: int
) -> AsyncIterator[list[Stored]]:
    """Batches of messages after sequence `after` whose subjects match; outlives lost connections.

    The filters have equally many tokens and do not overlap. Nothing is read once the end is reached where none can be
    lost, or where sequences without a hole show that none was; any other hole is read.
    Raises StreamReset when the stream is not (or no longer) the one of `epoch`.
    """
    pause = _PAUSE
    follower = _Follower(connection, stream, filters, after, epoch)
    while True:
        try:
            async with contextlib.aclosing(follower.run()) as pages:
                async for messages in pages:
                    pause = _PAUSE
                    for start in range(0, len(messages), batch):
                        if start:
                            await asyncio.sleep(0)  # a page is many batches, and others want their turn
                        yield messages[start : start + batch]
        except NotFoundError as error:
            _log.warning("stream %s is away", stream, extra={"why": str(error)})
        except (Interrupted, StreamAway, JetStreamError, nats.errors.Error, TimeoutError, OSError) as error:
            if connection.nc.is_closed:
                return
            _log.info(
                "following %s is interrupted, continuing after %d", stream, follower.after, extra={"why": str(error)}
            )
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1.0)


class _Follower:
    """The place in the stream, and how it moves."""

    def __init__(
        self, connection: Connection, stream: str, filters: Sequence[str], after: int, epoch: str | None
    ) -> None:
        self._connection = connection
        self._stream = stream
        self._filters = list(filters)
        self._epoch = epoch
        self._alone = False
        self._patience = _SILENCE
        self._timer: asyncio.TimerHandle | None = None
        self.after = after
        """Everything up to here was handed over."""

    async def run(self) -> AsyncGenerator[list[Stored]]:
        """Messages as they come, until something is in the way."""
        connection, nc = self._connection, self._connection.nc
        async with Tail(nc, self._stream, self._filters, self.after) as tail, StreamReader(nc, self._stream) as reader:
            with (
                connection.on_disconnect(tail.disconnected),
                connection.on_reconnect(reader.interrupt),
                connection.on_reconnect(tail.must_look),
            ):
                try:
                    async for messages in self._messages(tail, reader):
                        yield messages
                finally:
                    if self._timer is not None:
                        self._timer.cancel()

    async def _messages(self, tail: Tail, reader: StreamReader) -> AsyncIterator[list[Stored]]:
        while True:
            if tail.doubt:
                incomplete, tail.incomplete, tail.strange = tail.incomplete, False, False
                end = await self._end()
                self._watch(tail)
                # The tail has what came since that question, which may be all that is missing.
                if incomplete and end > tail.last:
                    tail.settled = end
                continue
            until = max(tail.first - 1, tail.settled)
            if until > self.after:
                async for messages in self._read(reader, tail, until):
                    yield messages
            elif self.after < tail.last:
                messages, self.after = tail.take(self.after), tail.last
                yield messages
            else:
                await tail.change()

    async def _end(self) -> int:
        """Where the stream ends now. Raises StreamReset when it is another one."""
        info = await self._connection.js.stream_info(self._stream)
        now = self._connection.epoch_of(info)
        if (self._epoch is not None and now != self._epoch) or self.after > info.state.last_seq:
            raise StreamReset(now)
        self._epoch = now
        self._alone = is_alone(info)
        self._patience = _SILENCE if info.config.republish else _NOT_REPUBLISHED
        return info.state.last_seq

    async def _read(self, reader: StreamReader, tail: Tail, until: int) -> AsyncIterator[list[Stored]]:
        """What the stream has up to a place; nothing more once there is a doubt whether it is the same stream."""
        few = until - self.after <= _FEW
        filters, matches = ([covering(self._filters)], matching(self._filters)) if few else (self._filters, None)
        js = self._connection.js
        async for messages in read_span(js, reader, self._stream, filters, self.after, until, alone=self._alone):
            if tail.doubt:
                return
            kept = messages if matches is None else [message for message in messages if matches(message.subject)]
            if kept:
                self.after = kept[-1].sequence
                yield kept
        if not tail.doubt:
            self.after = until

    def _watch(self, tail: Tail) -> None:
        """Look at the stream again when nothing is heard of it for a while."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._patience, self._look, tail, tail.heard)

    def _look(self, tail: Tail, heard: int) -> None:
        if tail.heard == heard:
            tail.must_look()
        else:
            self._watch(tail)
