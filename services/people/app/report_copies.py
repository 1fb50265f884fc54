"""Copies of what was reported: those that are still to be had, and those whose time is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from copy import copy
from datetime import datetime, timedelta
from typing import Final

from libs.aio import Rounds
from libs.commands import Executor, of_kind
from libs.eventstore import Fact, Store
from libs.keyring import ErasureTarget
from libs.refusal import Refusal
from services.people.app.forgetting import Forgetter
from services.people.app.people_sealer import of_report
from services.people.app.report_copier import Copier
from services.people.domain.copies import CopyMissing
from services.people.domain.entities import Entity, stored_report
from services.people.domain.report import Report
from services.people.projection.moderation import Moderation

_log = logging.getLogger(__name__)
_GIVE_UP: Final = timedelta(days=1)
_PAUSE: Final = 2.0
"""Seconds until what could not be had is asked for again."""
_LOOK: Final = 60.0
_PATIENCE: Final = 5.0
_TOGETHER: Final = 100
"""Reports of which something is asked for in one round."""


class Copying:
    """Copies what could not be copied when it was reported, and destroys copies: the key of a report first.

    What is owed follows from the facts, so no crash stops it.
    """

    def __init__(
        self,
        store: Store[Entity],
        executor: Executor[Entity],
        moderation: Moderation,
        copier: Copier,
        forgetter: Forgetter,
        wake: asyncio.Event,
        now: Callable[[], datetime],
        kept: timedelta,
    ) -> None:
        """`wake` is set when there may be something to do. Copies are `kept` so long after the report was closed."""
        self._store = store
        self._executor = executor
        self._moderation = moderation
        self._copier = copier
        self._forgetter = forgetter
        self._rounds = Rounds(
            self.settle,
            log=_log,
            later="what is reported is copied later",
            away=(Refusal, OSError),
            pause=_PAUSE,
            wake=wake,
        )
        self._now = now
        self._kept = kept

    async def run(self) -> None:
        """For ever."""
        await self._rounds.run()

    async def settle(self) -> float:
        """Do what is due; seconds until there is to be another look. Refuses: unavailable, storage_full."""
        await self._moderation.catch_up(self._store)
        for report_id in self._moderation.closed(self._now() - self._kept):
            await self._destroy(report_id)
        owed = self._moderation.awaited(_TOGETHER)
        await asyncio.gather(*map(self._copy, owed))
        await self._moderation.catch_up(self._store)
        if self._moderation.awaited(1):
            return _PAUSE
        first = self._moderation.first_closed()
        if first is None:
            return _LOOK
        return min(max((first + self._kept - self._now()).total_seconds(), 0.01), _LOOK)

    async def _copy(self, report_id: str) -> None:
        id = stored_report(report_id)
        report = await self._store.read(id, of_kind(Report, copy))
        if report.filed is None or report.filed_at is None or not report.awaited:
            return
        late = self._now() > report.filed_at + _GIVE_UP
        facts: list[Fact] = []
        if late:
            facts += [CopyMissing(piece=number, why="given_up") for number in report.awaited]
        else:
            facts += await self._copier.copy(
                report_id, report.filed, report.awaited, at=report.filed_at, patience=_PATIENCE
            )
        keep = of_kind(Report, lambda report: report.keep(facts))
        await self._executor.by_itself(id, lambda entity, _: keep(entity))

    async def _destroy(self, report_id: str) -> None:
        id, before = stored_report(report_id), self._now() - self._kept
        closed_at = await self._store.read(id, of_kind(Report, lambda report: report.closed_at))
        if closed_at is None or closed_at > before:
            return  # looked at again meanwhile
        await self._forgetter.destroy([ErasureTarget(of_report(report_id))])
        destroy = of_kind(Report, Report.destroy)
        await self._executor.by_itself(id, lambda entity, _: destroy(entity))
        _log.info("what was reported in %s is destroyed", report_id)
