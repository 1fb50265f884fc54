"""How long replays and safety copies are kept."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from copy import copy
from datetime import datetime
from typing import Final

from contracts import object_names
from libs.aio import Rounds
from libs.bus import Unavailable
from libs.commands import Executor
from libs.eventstore import Store
from libs.object_store import ObjectStoreError, StoredObjects
from libs.refusal import Refusal
from services.recording.adapters.spool import Spool
from services.recording.app.audio_keys import AudioKeys
from services.recording.domain.recording import Phase, Recording, Terms
from services.recording.projection import KeptSpaces

_log = logging.getLogger(__name__)
_AWAY: Final = (ObjectStoreError, Refusal, Unavailable, OSError)


class Retention:
    """Deletes replays whose time is over, and then their safety copies. `now` tells the time (UTC).

    A replay that was deleted is shown to nobody. Its files stay, sealed, as the safety copy: for reports only, and
    longer while one is open. Then its keys are destroyed. What was captured for a replay that failed goes once that is
    deleted. All that is due is found again after a restart, and nothing is destroyed twice.
    """

    def __init__(
        self,
        store: Store[Recording],
        executor: Executor[Recording],
        kept: KeptSpaces,
        objects: StoredObjects,
        spool: Spool,
        audio_keys: AudioKeys,
        terms: Terms,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._executor = executor
        self._kept = kept
        self._objects = objects
        self._spool = spool
        self._audio_keys = audio_keys
        self._terms = terms
        self._now = now

    async def run(self, every: float) -> None:
        """Look every so many seconds, for ever."""

        async def look() -> float:
            await self.look()
            return every

        await Rounds(look, log=_log, later="what is due is deleted later", away=_AWAY, pause=every).run()

    async def look(self) -> None:
        """Do what is due now. Raises ObjectStoreError, Refusal, Unavailable and OSError where something is away.

        A Space of which something cannot be removed does not keep the others from being deleted.
        """
        now, terms = self._now(), self._terms
        await self._kept.catch_up(self._store)
        if terms.replay is not None:
            for space_id in self._kept.replays(now - terms.replay):
                await self._executor.by_itself(space_id, lambda r, _: r.expire(now, terms), cause="expire")
            await self._kept.catch_up(self._store)
        stuck: list[Exception] = []
        for space_id in self._kept.safety_copies(now - min(terms.safety, terms.reported)):
            with _apart(stuck):
                await self._destroy_safety_copy(space_id, now)
        for space_id in await asyncio.to_thread(self._spool.aside):
            with _apart(stuck):
                await self._remove_aside(space_id)
        if stuck:
            raise stuck[0]

    async def _destroy_safety_copy(self, space_id: str, now: datetime) -> None:
        recording, terms = await self._store.read(space_id, copy), self._terms
        if recording.may_be_destroyed(now, terms):
            # Keys first: what cannot be removed, or is somewhere else too, is unreadable then.
            await self._audio_keys.destroy(recording)
            forms = await self._objects.names(object_names.forms(space_id))
            await self._objects.remove([*_names(recording), *forms])
            await self._executor.by_itself(space_id, lambda r, _: r.destroy(now, terms), cause="destroy")
            _log.info("the safety copy of %s is destroyed", space_id)

    async def _remove_aside(self, space_id: str) -> None:
        recording = await self._store.read(space_id, copy)
        if recording.phase is Phase.DESTROYED:  # a recording that failed has no safety copy
            await self._audio_keys.destroy(recording)
            await asyncio.to_thread(self._spool.remove_aside, space_id)
            _log.info("the audio that was kept of %s, which failed, is deleted", space_id)

    async def spaces_of(self, report: str) -> list[str]:
        """The Spaces that a report is of, everything committed included."""
        await self._kept.catch_up(self._store)
        return self._kept.reported(report)


@contextlib.contextmanager
def _apart(stuck: list[Exception]) -> Iterator[None]:
    """Note what goes wrong instead of raising it."""
    try:
        yield
    except _AWAY as error:
        stuck.append(error)


def _names(recording: Recording) -> list[str]:
    done = recording.finished
    return [] if done is None else [done.mix, *(track.object for track in done.tracks)]
