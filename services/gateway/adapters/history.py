"""A bounded part of the EVENTS stream, read for clients that were away."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Final

import nats.errors
from nats.js.errors import Error as JetStreamError

from contracts import subjects
from libs.bus import Bus, Received, Unavailable
from libs.bus.opening import Opening
from libs.bus.received import received
from libs.bus.span import is_alone, read_span
from libs.bus.stored import Interrupted, StreamAway, StreamReader

_PAGE_BYTES: Final = 512 * 1024
"""In memory for each client that is read for and takes its time."""


async def read(
    bus: Bus, opening: Opening, filters: Sequence[str], after: int, until: int, epoch: str
) -> AsyncGenerator[list[Received], None]:
    """The events with `after` < sequence <= `until` whose subjects match, in order, then the end.

    `until` is a place that the stream has. Raises Unavailable where the connection breaks in between, the keys of words
    cannot be had, or the stream is not that of `epoch` any more; what was yielded is complete up to there.
    """
    if until <= after:
        return
    try:
        alone = is_alone(await bus.js.stream_info(subjects.EVENTS_STREAM))
        async with StreamReader(bus.nc, subjects.EVENTS_STREAM) as reader:
            with bus.on_reconnect(reader.interrupt):
                span = read_span(
                    bus.js, reader, subjects.EVENTS_STREAM, filters, after, until, alone=alone, page_bytes=_PAGE_BYTES
                )
                async for messages in span:
                    # Asked after they were read: then they are of that stream.
                    if await bus.stream_epoch() != epoch:
                        raise Unavailable("the history cannot be read: the stream was made anew")
                    if events := await received(messages, opening):
                        yield events
    except (Interrupted, StreamAway, JetStreamError, nats.errors.Error, TimeoutError, OSError) as error:
        raise Unavailable(f"the history cannot be read: {error}") from error
