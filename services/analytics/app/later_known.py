"""What a version before this one passed over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import nats.errors
from nats.js.errors import Error as JetStreamError

from contracts import subjects
from libs.bus import Bus
from libs.bus.received import received
from libs.bus.span import is_alone, read_span
from libs.bus.stored import Interrupted, StreamAway, StreamReader
from libs.clock import utc_now
from services.analytics import projection
from services.analytics.adapters.clickhouse import ClickHouse, Unreachable
from services.analytics.app.forgetting import Forgetting

_log = logging.getLogger(__name__)
_PAUSE: Final = 0.05
_PAUSE_LAST: Final = 10.0


class LaterKnown:
    """Events that a version before this one passed over because it did not know their type; each is stored once."""

    def __init__(
        self, bus: Bus, database: ClickHouse, forgetting: Forgetting, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._bus = bus
        self._database = database
        self._forgetting = forgetting
        self._now = now

    async def run(self) -> None:
        """Read them, once after each upgrade, and note what is known now."""
        pause = _PAUSE
        while not self._bus.nc.is_closed:
            try:
                await self._read_again()
                return
            except (
                Unreachable, Interrupted, StreamAway, nats.errors.Error, JetStreamError, TimeoutError, OSError
            ) as error:  # fmt: skip
                _log.warning("what is known only now cannot be read yet, trying again", extra={"why": str(error)})
                await asyncio.sleep(pause)
                pause = min(2 * pause, _PAUSE_LAST)

    async def _read_again(self) -> None:
        now, before = projection.known_types(), await self._known_before()
        if new := sorted(now - before):
            await self._store(new)
        if now != before:
            note = (self._now(), sorted(now))
            await self._database.insert(projection.NOTES, ("at", "types"), (note,), f"{note}")

    async def _known_before(self) -> frozenset[str]:
        """What was known to the version that ran last; what there are rows of, where none has noted it."""
        notes = await self._database.query(f"SELECT types FROM {projection.NOTES} ORDER BY at DESC LIMIT 1", {})
        if notes:
            return frozenset(notes[0][0])
        rows = await self._database.query(f"SELECT DISTINCT context, name FROM {projection.TABLE}", {})
        return frozenset(f"{context}.{name}" for context, name in rows)

    async def _store(self, types: Sequence[str]) -> None:
        """Put all events of these types into the table; those that are there already stay one row."""
        filters = [subjects.event(context, "*", name) for context, name in (one.split(".") for one in types)]
        info = await self._bus.js.stream_info(subjects.EVENTS_STREAM)
        epoch, until, stored = self._bus.epoch_of(info), info.state.last_seq, 0
        async with StreamReader(self._bus.nc, subjects.EVENTS_STREAM) as reader:
            with self._bus.on_reconnect(reader.interrupt):
                span = read_span(self._bus.js, reader, subjects.EVENTS_STREAM, filters, 0, until, alone=is_alone(info))
                async for messages in span:
                    if batch := await received(messages):
                        token = projection.token(epoch, batch)
                        stored += await self._forgetting.store(batch, epoch, token)
        if stored:
            _log.info("%d events are stored whose types are known only now", stored)
