"""How much captured audio a consumer has still to take in."""

from __future__ import annotations

import logging

import nats.errors
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from contracts import subjects
from libs.bus import Bus

_log = logging.getLogger(__name__)


class Backlog:
    """The CAPTURE stream as one durable consumer has read it."""

    def __init__(self, bus: Bus, consumer: str) -> None:
        self._bus = bus
        self._consumer = consumer

    async def drained(self, space_id: str) -> bool:
        """Whether every message of a Space is acknowledged (or a dead letter); False while NATS does not say."""
        try:
            try:
                last = await self._bus.js.get_last_msg(subjects.CAPTURE_STREAM, subjects.capture_of(space_id))
            except NotFoundError:
                return True
            info = await self._bus.js.consumer_info(subjects.CAPTURE_STREAM, self._consumer)
        except (JetStreamError, nats.errors.Error, TimeoutError, OSError) as error:
            _log.info("what is still to be read of %s is not known now", space_id, extra={"why": str(error)})
            return False
        # Below the floor everything is acknowledged, whatever its order; other Spaces' messages may hold it up a bit.
        return info.ack_floor is not None and info.ack_floor.stream_seq >= (last.seq or 0)
