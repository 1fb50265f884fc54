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

    async def floor(self) -> tuple[int, bool] | None:
        """(sequence up to which everything is acknowledged or a dead letter, whether that is the whole stream); None
        while NATS does not say."""
        try:
            info = await self._bus.js.consumer_info(subjects.CAPTURE_STREAM, self._consumer)
        except (JetStreamError, nats.errors.Error, TimeoutError, OSError):
            return None
        floor = 0 if info.ack_floor is None else info.ack_floor.stream_seq
        return floor, not info.num_pending and not info.num_ack_pending

    async def drained(self, space_id: str) -> bool:
        """Whether every message of a Space is acknowledged (or a dead letter); False while NATS does not say."""
        last = await self.last(space_id)
        return last is not None and await self.reached(last)

    async def last(self, space_id: str) -> int | None:
        """The sequence of a Space's newest message, 0 where there is none; None while NATS does not say."""
        try:
            return (await self._bus.js.get_last_msg(subjects.CAPTURE_STREAM, subjects.capture_of(space_id))).seq or 0
        except NotFoundError:
            return 0
        except (JetStreamError, nats.errors.Error, TimeoutError, OSError) as error:
            _log.info("what is still to be read of %s is not known now", space_id, extra={"why": str(error)})
            return None

    async def reached(self, sequence: int) -> bool:
        """Whether everything up to a sequence is acknowledged (or a dead letter); False while NATS does not say."""
        if not sequence:
            return True
        try:
            info = await self._bus.js.consumer_info(subjects.CAPTURE_STREAM, self._consumer)
        except (JetStreamError, nats.errors.Error, TimeoutError, OSError) as error:
            _log.info("how far captured audio is read is not known now", extra={"why": str(error)})
            return False
        # Below the floor everything is acknowledged, whatever its order; other Spaces' messages may hold it up a bit.
        return info.ack_floor is not None and info.ack_floor.stream_seq >= sequence
