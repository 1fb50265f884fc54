"""Seals replays, safety copies and spools of earlier versions, which stored them plainly."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
from copy import copy
from pathlib import Path
from typing import Final

from contracts import object_names
from libs.bus import Unavailable
from libs.commands import Executor
from libs.eventstore import Store
from libs.keyring import Destroyed, Expired, UnitKey
from libs.migration import Objects
from libs.object_store import ObjectStoreError, StoredObjects
from services.recording.adapters.spool import Spool, StorageFullError
from services.recording.app.audio_keys import AudioKeys
from services.recording.domain.facts import Finished
from services.recording.domain.recording import Phase, Recording
from services.recording.replay.sealed import seal

_log = logging.getLogger(__name__)
_PLAIN: Final = re.compile(r"spaces/([0-9A-Za-z_-]{1,64})/(?:replay\.m4a|tracks/[0-9A-Za-z_-]{1,64}\.ogg)")


class EarlierFiles:
    """Seals under new names, tells that in the store, and removes what was there: in this order, so that it may be
    killed at any step. What is owed is found in the object store and the spool."""

    def __init__(
        self,
        store: Store[Recording],
        executor: Executor[Recording],
        objects: StoredObjects,
        spool: Spool,
        keys: AudioKeys,
        one_at_a_time: asyncio.Lock,
    ) -> None:
        """`one_at_a_time` is held while the files of a Space change."""
        self._store = store
        self._executor = executor
        self._objects = objects
        self._spool = spool
        self._keys = keys
        self._one_at_a_time = one_at_a_time

    async def seal(self, told: Objects) -> None:
        """Seal everything that is plain, and count it. What is being changed by others is left for another time.

        Raises Refusal, and Unavailable where anything is away.
        """
        try:
            await self._seal_spooled(told)
            plain: dict[str, list[str]] = {}
            for name in await self._objects.names("spaces/"):
                if (found := _PLAIN.fullmatch(name)) is not None:
                    plain.setdefault(found[1], []).append(name)
            for space_id, names in plain.items():
                async with self._one_at_a_time:
                    await self._seal_objects(space_id, names, told)
        except (ObjectStoreError, StorageFullError, Expired, OSError) as error:
            raise Unavailable(str(error)) from error

    async def _seal_spooled(self, told: Objects) -> None:
        for space_id, person_id, path in await asyncio.to_thread(self._spool.plain):
            try:
                sealing = await self._keys.to_seal_spooled(space_id, person_id)
                await asyncio.to_thread(self._spool.seal, path, sealing)
            except Destroyed:
                await asyncio.to_thread(path.unlink, missing_ok=True)
            except FileNotFoundError:
                continue  # its replay is stored, or its speaker was erased
            told.sealed += 1

    async def _seal_objects(self, space_id: str, plain: list[str], told: Objects) -> None:
        recording = await self._store.read(space_id, copy)
        done = recording.finished
        if recording.phase is Phase.NONE:
            told.left += len(plain)  # another store's
            return
        named = set() if done is None or recording.phase is Phase.DESTROYED else _names(done)
        if done is not None and (owed := named & set(plain)):
            if recording.lacks_mix or not await self._sealed(recording, done, owed):
                told.left += len(owed)
                return
            told.sealed += len(owed)
        # Also what was sealed before this was killed.
        await self._objects.remove(plain)

    async def _sealed(self, recording: Recording, done: Finished, owed: set[str]) -> bool:
        """Whether these objects are sealed now. They are not where a key of theirs is destroyed: then they go soon."""
        keys = await self._keys.to_seal(recording)
        if keys is None:
            return False
        out = self._spool.again(f"{recording.space_id}.sealed")
        try:
            for name in sorted(owed):
                sealed, key = keys.objects[name]
                await asyncio.to_thread(_emptied, out)
                await self._objects.fetch(name, out / "plain")
                await asyncio.to_thread(_seal, out / "plain", out / "sealed", key)
                await self._objects.put(sealed, out / "sealed", object_names.SEALED_TYPE)
        finally:
            await asyncio.to_thread(shutil.rmtree, out, True)
        names = {name: keys.objects[name][0] for name in owed}
        if not await self._keys.live(keys.locks) or not await self._executor.by_itself(
            recording.space_id, lambda r, _: r.sealed(done, names)
        ):
            await self._objects.remove(list(names.values()))
            return False
        _log.info("%d files of the replay of %s are sealed", len(names), recording.space_id)
        return True


def _names(done: Finished) -> set[str]:
    return {done.mix, *(track.object for track in done.tracks)}


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _seal(plain: Path, sealed: Path, key: UnitKey) -> None:
    with open(plain, "rb") as file:
        seal(file, sealed, key)
