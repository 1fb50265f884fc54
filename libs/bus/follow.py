"""Following the stream from a place one remembers: in order, each event once, nothing acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence

import nats.errors
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from libs.bus.connection import Connection
from libs.bus.errors import StreamReset
from libs.bus.pull import ConsumerGone, Pull

_log = logging.getLogger(__name__)


async def follow_raw(
    connection: Connection, stream: str, filters: Sequence[str], after: int, epoch: str | None, batch: int
) -> AsyncIterator[list[Msg]]:
    """Batches of messages after sequence `after`; outlives lost consumers and connections.

    Raises StreamReset when the stream is not (or no longer) the one of `epoch`.
    """
    pause = 0.05
    while True:
        try:
            info = await connection.js.stream_info(stream)
            now = connection.epoch_of(info)
            if (epoch is not None and now != epoch) or after > info.state.last_seq:
                raise StreamReset(now)
            epoch = now
            made = await connection.js.add_consumer(
                stream,
                ConsumerConfig(
                    ack_policy=AckPolicy.NONE,
                    deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                    opt_start_seq=after + 1,
                    filter_subjects=list(filters),
                    inactive_threshold=30.0,
                    mem_storage=True,
                    num_replicas=1,
                ),
            )
            async with Pull(connection.nc, stream, made.name, batch) as pull:
                expected = 1
                with connection.on_reconnect(pull.interrupt):
                    while True:
                        messages = await pull.batch()
                        fresh: list[Msg] = []
                        for msg in messages:
                            # A hole in the consumer's own numbering is a message lost with a connection.
                            if msg.metadata.sequence.consumer != expected:
                                break
                            expected += 1
                            fresh.append(msg)
                        if fresh:
                            after = fresh[-1].metadata.sequence.stream
                            pause = 0.05
                            yield fresh
                        if len(fresh) != len(messages):
                            raise ConsumerGone("messages were lost on the way")
        except NotFoundError as error:
            _log.warning("stream %s is away", stream, extra={"why": str(error)})
        except (ConsumerGone, JetStreamError, nats.errors.Error, TimeoutError, OSError) as error:
            if connection.nc.is_closed:
                return
            _log.info("following %s is interrupted, continuing after %d", stream, after, extra={"why": str(error)})
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1.0)
