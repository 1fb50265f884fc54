"""How long replays and safety copies are kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from libs.eventstore import Store
from libs.refusal import Refusal
from services.recording.adapters.objects import Objects, ObjectsError
from services.recording.app.recordings import Recordings
from services.recording.domain import Recording, Terms
from services.recording.projection import Kept

_log = logging.getLogger(__name__)


class Keeping:
    """Deletes replays whose time is over, and then their safety copies. `now` tells the time (UTC).

    A replay that was deleted is shown to nobody. Its files stay as the safety copy, for reports only, and longer while
    one is open; all that is due is found again after a restart, and nothing is destroyed twice.
    """

    def __init__(
        self,
        store: Store[Any],
        recordings: Recordings,
        kept: Kept,
        objects: Objects,
        terms: Terms,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._recordings = recordings
        self._kept = kept
        self._objects = objects
        self._terms = terms
        self._now = now

    async def run(self, every: float) -> None:
        """Look every so many seconds, for ever."""
        while True:
            try:
                await self.look()
            except (ObjectsError, Refusal) as error:
                _log.warning("what is due is deleted later", extra={"why": str(error)})
            await asyncio.sleep(every)

    async def look(self) -> None:
        """Do what is due now. Raises ObjectsError and Refusal where a store is away."""
        now, terms = self._now(), self._terms
        await self._kept.catch_up(self._store)
        if terms.replay is not None:
            for space_id in self._kept.replays(now - terms.replay):
                await self._recordings.expire(space_id, now, terms)
            await self._kept.catch_up(self._store)
        for space_id in self._kept.safety_copies(now - min(terms.safety, terms.reported)):
            recording = await self._recordings.get(space_id)
            if recording.may_be_destroyed(now, terms):
                await self._objects.remove(_names(recording))
                await self._recordings.destroyed(space_id, now, terms)
                _log.info("the safety copy of %s is destroyed", space_id)

    async def spaces_of(self, report: str) -> list[str]:
        """The Spaces that a report is of, everything committed included."""
        await self._kept.catch_up(self._store)
        return self._kept.reported(report)


def _names(recording: Recording) -> list[str]:
    done = recording.finished
    return [] if done is None else [done.mix, *(track.object for track in done.tracks)]
