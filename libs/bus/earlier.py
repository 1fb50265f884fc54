"""Reading what a durable consumer has to read of the past (`libs.bus.widened_consumers`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from nats.aio.msg import Msg

from contracts import consumers
from libs.bus import widened_consumers
from libs.bus.connection import Connection
from libs.bus.pull import Pull

_LOOK_SOON: Final = 0.05
_LOOK_AGAIN: Final = 2.0
"""Seconds without a message after which it is asked what is left: NATS counts what was acknowledged a moment later, and
the stream may have lost what is left."""


async def read_earlier(
    connection: Connection,
    stream: str,
    name: str,
    size: int,
    process: Callable[[list[Msg]], Awaitable[None]],
    *,
    exclusive: bool,
) -> None:
    """Have `process` handle, and acknowledge, what is left; returns at once where there is nothing. `exclusive`: nobody
    else reads it, so what was left unacknowledged comes at once.

    Raises ConsumerGone, JetStream's errors, what the client raises when it is closed, and what `process` raises.
    """
    if await widened_consumers.left(connection.js, stream, name) is None:
        return
    if exclusive:
        await connection.js.reset_consumer(stream, consumers.before(name))
    async with Pull(connection.nc, stream, consumers.before(name), size) as pull:
        with connection.on_reconnect(pull.interrupt):
            pause = _LOOK_SOON
            while (until := await widened_consumers.left(connection.js, stream, name)) is not None:
                messages: list[Msg] = []
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        messages = await pull.batch()
                pause = _LOOK_SOON if messages else min(2 * pause, _LOOK_AGAIN)
                mine = [msg for msg in messages if msg.metadata.sequence.stream <= until]
                for msg in messages[len(mine) :]:
                    await msg.ack()  # the first consumer hands it over
                if mine:
                    await process(mine)
