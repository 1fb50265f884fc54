"""A bounded part of the EVENTS stream, read for one client that was away."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Sequence

import nats.errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import Error as JetStreamError
from pydantic import ValidationError

from contracts import subjects
from contracts.envelope import UnknownEventError
from libs.bus import Bus, Received, Unavailable
from libs.bus.consume import received_from
from libs.bus.pull import ConsumerGone, Pull

_log = logging.getLogger(__name__)
_BATCH = 500


async def read(bus: Bus, filters: Sequence[str], after: int, until: int) -> AsyncIterator[list[Received]]:
    """The events with `after` < sequence <= `until` whose subjects match, in order, then the end.

    Raises Unavailable where the connection breaks in between; what was yielded is complete up to there.
    """
    if until <= after:
        return
    try:
        consumer = await bus.js.add_consumer(
            subjects.EVENTS_STREAM,
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
        try:
            if consumer.num_pending == 0:
                return
            async with Pull(bus.nc, subjects.EVENTS_STREAM, consumer.name, _BATCH) as pull:
                async for batch in _batches(pull, until):
                    yield batch
        finally:
            with contextlib.suppress(JetStreamError, nats.errors.Error, TimeoutError, OSError):
                await bus.js.delete_consumer(subjects.EVENTS_STREAM, consumer.name)
    except (ConsumerGone, JetStreamError, nats.errors.Error, TimeoutError, OSError) as error:
        raise Unavailable(f"the history cannot be read: {error}") from error


async def _batches(pull: Pull, until: int) -> AsyncIterator[list[Received]]:
    expected = 1
    while True:
        result: list[Received] = []
        last = pending = 0
        for msg in await pull.batch():
            place = msg.metadata
            if place.sequence.consumer != expected:
                # A hole in the consumer's own numbering is a message lost with a connection.
                raise ConsumerGone("messages were lost on the way")
            expected += 1
            last, pending = place.sequence.stream, place.num_pending
            if last > until:
                break
            try:
                result.append(received_from(msg))
            except UnknownEventError:
                continue
            except ValidationError:
                _log.exception("message %d breaks its contract", last)
        if result:
            yield result
        if last >= until or pending == 0:
            return
