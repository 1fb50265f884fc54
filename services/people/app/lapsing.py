"""Suspensions that end by themselves."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from libs.commands import Executor, of_kind
from libs.eventstore import Store
from libs.refusal import Refusal
from services.people.domain.entities import Entity
from services.people.domain.person import Person
from services.people.projection.moderation import Moderation

_log = logging.getLogger(__name__)
_LOOK: Final = 30.0
"""Seconds after which it looks again whatever happens: the machine's clock may have been set."""
_PAUSE: Final = 1.0


class Lapsing:
    """Ends every suspension whose time is over, also of those that were over while nobody was there to end them.

    `now` tells the time (UTC); `suspended` is set whenever somebody was suspended.
    """

    def __init__(
        self,
        store: Store[Entity],
        executor: Executor[Entity],
        moderation: Moderation,
        suspended: asyncio.Event,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._executor = executor
        self._moderation = moderation
        self._suspended = suspended
        self._now = now

    async def run(self) -> None:
        """For ever."""
        while True:
            self._suspended.clear()
            try:
                upcoming = await self.lapse()
                wait = _LOOK if upcoming is None else min(max((upcoming - self._now()).total_seconds(), 0.01), _LOOK)
            except Refusal as trouble:
                _log.warning("suspensions end late", extra={"why": trouble.detail})
                wait = _PAUSE
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._suspended.wait(), wait)

    async def lapse(self) -> datetime | None:
        """End what is due; when the next one is. Refuses: storage_full, unavailable."""
        await self._moderation.catch_up(self._store)
        now = self._now()
        lapse = of_kind(Person, lambda person: person.lapse(now))
        for person_id in self._moderation.ending(now):
            # That it ends once is the aggregate's affair.
            await self._executor.by_itself(person_id, lambda entity, _: lapse(entity))
        await self._moderation.catch_up(self._store)
        return self._moderation.next_end()
