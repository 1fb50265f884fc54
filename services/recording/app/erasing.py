"""What is done with recordings when a person or a Space was erased."""

from __future__ import annotations

import asyncio
import logging
import time
from copy import copy
from datetime import datetime
from typing import Final

from contracts import object_names
from libs.aio import Rounds
from libs.audio.opus import RATE
from libs.bus import Unavailable
from libs.commands import Executor
from libs.eventstore import Fact, Store
from libs.keyring import Expired
from libs.object_store import ObjectStoreError, StoredObjects
from libs.refusal import Refusal
from services.recording.adapters.spool import Spool
from services.recording.app.audio_keys import AudioKeys
from services.recording.app.builds import Builds, KeysDroppedError
from services.recording.domain.recording import Recording
from services.recording.projection import KeptSpaces
from services.recording.replay.build import BuildError

_log = logging.getLogger(__name__)
_PAUSE: Final = 60.0
"""Seconds after which a mix that could not be made is tried again."""


class Erasing:
    """Removes what was recorded of whoever was erased, and makes mixes again without them.

    Keys go before anything: the erased person's are destroyed already, and the mix's is before the mix is removed. What
    is owed is found again after a restart.
    """

    def __init__(
        self,
        store: Store[Recording],
        executor: Executor[Recording],
        kept: KeptSpaces,
        objects: StoredObjects,
        spool: Spool,
        audio_keys: AudioKeys,
        builds: Builds,
        one_at_a_time: asyncio.Lock,
    ) -> None:
        """`one_at_a_time`: a mix that is made meanwhile would be of tracks that are being removed, or sealed."""
        self._store = store
        self._executor = executor
        self._kept = kept
        self._objects = objects
        self._spool = spool
        self._audio_keys = audio_keys
        self._builds = builds
        self._rounds = Rounds(self._look, log=_log, later="mixes wait", away=(Refusal,), pause=_PAUSE)
        self._one_at_a_time = one_at_a_time
        self._trouble: str | None = None

    def trouble(self) -> str | None:
        """What keeps a mix from being made again now, for a readiness check."""
        return self._rounds.trouble() or self._trouble

    async def erase_person(self, person_id: str) -> None:
        """Remove all that was recorded of a person. Again changes nothing.

        Raises ObjectStoreError, Refusal, Unavailable and OSError where something is away.
        """
        await asyncio.to_thread(self._spool.remove_speaker, person_id)
        await self._kept.catch_up(self._store)
        for space_id in self._kept.heard(person_id):
            async with self._one_at_a_time:
                await self._erase_voice(space_id, person_id)
        self._rounds.wake()

    async def _erase_voice(self, space_id: str, person_id: str) -> None:
        recording = await self._store.read(space_id, copy)
        done = recording.finished
        if done is None or not recording.erase_voice(person_id):
            return
        await self._audio_keys.destroy_mix(recording)
        tracks = [track.object for track in done.tracks if track.person_id == person_id]
        await self._objects.remove([*tracks, *([done.mix] if done.mix else [])])
        await self._executor.by_itself(space_id, lambda r, _: r.erase_voice(person_id))
        _log.info("a voice of the replay of %s is erased", space_id)

    async def erase_space(self, space_id: str) -> None:
        """Remove all that was recorded of a Space, and its safety copy. Again changes nothing.

        Raises as `erase_person` does.
        """
        recording = await self._store.read(space_id, copy)
        if (done := recording.finished) is not None and recording.erase():
            names = [done.mix, *(track.object for track in done.tracks)]
            await self._objects.remove([name for name in names if name])
        await self._executor.by_itself(space_id, lambda r, _: r.erase())
        await asyncio.to_thread(self._spool.remove_captured, space_id)

    async def run(self) -> None:
        """Make mixes again, those that are owed from before and from now on, for ever."""
        await asyncio.to_thread(self._spool.sweep_again)
        await self._rounds.run()

    async def _look(self) -> float | None:
        await self._kept.catch_up(self._store)
        self._trouble = None
        made = [await self._try_again(space_id) for space_id in self._kept.unmixed()]
        return None if all(made) else _PAUSE

    async def _try_again(self, space_id: str) -> bool:
        try:
            async with self._one_at_a_time:
                await self._make_again(space_id)
                return True
        except KeysDroppedError:
            _log.info("the mix of %s is made later: somebody else in it is erased", space_id)
            self._trouble = self._trouble or f"the mix of {space_id} waits"
        except (BuildError, ObjectStoreError, Refusal, Unavailable, Expired, OSError) as error:
            self._trouble = f"the mix of {space_id} waits: {error}"
            _log.error("the mix of %s is made later: %s", space_id, error)
        return False

    async def _make_again(self, space_id: str) -> None:
        recording = await self._store.read(space_id, copy)
        if not recording.lacks_mix or recording.finished is None:
            return
        started, before = time.monotonic(), recording.finished
        name = object_names.mix(space_id, recording.mixes + 1)
        async with self._builds.mix_again(recording) as (building, mixed):
            await self._objects.put(name, mixed.mix, object_names.SEALED_TYPE)
            await self._builds.confirm(building)

            def decide(recording: Recording, _: datetime) -> list[Fact]:
                if not building.holds:
                    return []
                return recording.made_again(
                    tracks=before.tracks, seconds=mixed.samples / RATE, bytes=mixed.bytes, mix=name
                )

            if await self._executor.by_itself(space_id, decide):
                _log.info("the mix of %s is stored again in %.1f s", space_id, time.monotonic() - started)
            else:
                raise KeysDroppedError("the recording changed meanwhile")
