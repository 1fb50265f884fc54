"""From the stream into the tables, and from the tables to an answer."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import nats.errors
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from contracts import consumers, subjects
from contracts.analytics.v1 import SpaceFigures
from libs.bus import Bus, Received, Retry
from libs.clock import utc_now
from libs.refusal import Refusal
from services.analytics import projection
from services.analytics.adapters.clickhouse import ClickHouse, Unreachable
from services.analytics.app.forgetting import Forgetting
from services.analytics.questions import space_figures

CONSUMER: Final = consumers.ANALYTICS_ENGAGEMENT.name
_LOOK_AGAIN: Final = 0.05
_DAY: Final = 86_400.0


class Engagement:
    """The engagement table of one process."""

    def __init__(
        self,
        bus: Bus,
        database: ClickHouse,
        forgetting: Forgetting,
        *,
        insert_every: float = 1.0,
        insert_rows: int = 10_000,
        fresh_within: float = 2.0,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._bus = bus
        self._database = database
        self._forgetting = forgetting
        self._insert_every = insert_every
        self._insert_rows = insert_rows
        self._fresh_within = fresh_within
        self._now = now
        self._inserted_at = float("-inf")
        self._waiting_since: datetime | None = None
        """When the oldest event that is not in the table was published, as far as we know."""
        self._asked = 0
        self._hurry = asyncio.Event()
        self._progress = asyncio.Event()

    async def store(self, batch: Sequence[Received]) -> None:
        """Insert a batch; only when this returns may it be acknowledged. Raises Retry while the engine is away."""
        self._waiting_since = batch[0].published_at
        await self._pause()
        try:
            # Asked each time: a batch of a rebuilt stream has the sequences of another one.
            epoch = await self._bus.stream_epoch()
        except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            raise Retry(f"the stream is away: {error}") from error
        try:
            await self._forgetting.store(batch, epoch, projection.token(epoch, batch))
        except Unreachable as error:
            raise Retry(str(error)) from error
        if len(batch) < self._insert_rows:
            self._waiting_since = None  # nothing more was there
        self._inserted_at = time.monotonic()
        self._progress.set()

    def behind(self) -> str | None:
        """For readiness: what is wrong when events wait for so long that the stream may drop them first."""
        if self._waiting_since is None:
            return None
        waited, kept = (self._now() - self._waiting_since).total_seconds(), self._bus.settings.moments_kept
        if waited < kept / 2:
            return None
        return (
            f"{waited / _DAY:.1f} days behind; the stream keeps presence, media and reactions for "
            f"{kept / _DAY:.1f} days: look why rows are not stored, or raise ROSTRUM_MOMENTS_KEPT_DAYS"
        )

    async def figures(self, space_id: str) -> SpaceFigures:
        """The figures of a Space, of everything that was in the stream when they were asked for, if that is in the
        tables within `fresh_within` seconds. `through_sequence` says how far they reach; it is 0 while the stream is
        away. Raises Refusal."""
        try:
            try:
                through = await self._through(await self._bus.last_sequence())
            except NotFoundError:
                through = 0  # the stream is being rebuilt; the tables know what was there
            return await space_figures.ask(self._database, space_id, self._now(), through)
        except (Unreachable, nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            raise Refusal("unavailable", "The figures cannot be read at the moment.", retry=True) from error

    async def _pause(self) -> None:
        """Let events gather, unless somebody waits for them."""
        rest = self._inserted_at + self._insert_every - time.monotonic()
        if rest > 0 and not self._asked:
            self._hurry.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._hurry.wait()

    async def _through(self, wanted: int) -> int:
        """Wait until everything up to `wanted` is in the table; how far it reaches then."""
        deadline = time.monotonic() + self._fresh_within
        self._asked += 1
        self._hurry.set()
        try:
            while True:
                self._progress.clear()
                info = await self._bus.js.consumer_info(subjects.EVENTS_STREAM, CONSUMER)
                if info.num_pending == 0 and info.num_ack_pending == 0:
                    return wanted
                reached = info.ack_floor.stream_seq if info.ack_floor else 0
                left = deadline - time.monotonic()
                if reached >= wanted or left <= 0:
                    return min(reached, wanted)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left, _LOOK_AGAIN)):
                        await self._progress.wait()
        finally:
            self._asked -= 1
