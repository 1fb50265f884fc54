"""Following a stream for the life of a process, beginning anew whenever it was made anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import nats.errors
from nats.js.errors import Error as JetStreamError

from libs.bus.connection import Connection
from libs.bus.errors import StreamReset

_log = logging.getLogger(__name__)
_PAUSE: Final = 0.2
"""Seconds until it is tried again to begin."""

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class StreamPlace:
    """A place in a stream: what is behind `sequence` is still to be read."""

    epoch: str | None
    """Which stream it is (`Connection.stream_epoch`); None for whichever it is now."""
    sequence: int = 0


Begin = Callable[[str | None], Awaitable[StreamPlace]]
"""Says where to begin. It is given the epoch of a stream that was made anew, so that what came from the one before is
forgotten, and None at the start and after an error. Where it raises what the bus raises, it is called again alike."""


class Follow(Protocol[T_co]):
    """`Bus.follow` or `follow_raw`, given everything but the place. It outlives lost connections and raises
    StreamReset."""

    def __call__(self, *, after: int, epoch: str | None) -> AsyncIterator[T_co]: ...


async def follow_anew(connection: Connection, who: str, begin: Begin, follow: Follow[T]) -> AsyncIterator[T]:
    """Yield what `follow` yields from the place that `begin` says, until the connection is closed.

    `who` follows, for the log.
    """
    reset: str | None = None
    while True:
        try:
            place = await begin(reset)
            reset = None
            async for batch in follow(after=place.sequence, epoch=place.epoch):
                yield batch
            return  # the connection is closed
        except StreamReset as anew:
            _log.warning("the stream was made anew; %s begins anew", who, extra={"epoch": anew.epoch})
            reset = anew.epoch
        except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            if connection.nc.is_closed:
                return
            _log.warning("the stream cannot be read yet by %s, trying again", who, extra={"why": str(error)})
            await asyncio.sleep(_PAUSE)
