"""Building replays in processes of their own, which are ended when a key that they have is destroyed."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from libs.aio import end
from libs.audio.opus import RATE
from libs.bus import Unavailable
from libs.keyring import ErasureTarget
from libs.keyring.holders import touches
from libs.object_store import StoredObjects
from libs.refusal import Refusal
from services.recording.adapters.spool import Spool
from services.recording.app.audio_keys import AudioKeys
from services.recording.domain.recording import Recording
from services.recording.replay.build import (
    BuildError,
    BuildJob,
    Built,
    Mixed,
    MixJob,
    NothingCapturedError,
    StoredTrack,
    build,
    cut,
    form,
    mix_again,
)
from services.recording.replay.cut import Cut, CutJob
from services.recording.replay.form import FormJob, MadeForm

_RENEW: Final = 30.0
"""Seconds; a lease takes longer."""

Called = Callable[[Collection[str]], Awaitable[dict[str, str]]]


class KeysDroppedError(Exception):
    """A key was destroyed while the replay was built; it must be built without it."""


class Building:
    """A replay that is being built, or is built and not stored yet."""

    def __init__(self, locks: frozenset[str]) -> None:
        self.locks = locks
        self._dropped = False
        self._process: subprocess.Popen[bytes] | None = None

    async def build(self, job: BuildJob) -> Built:
        """Build it. Raises KeysDroppedError and what `services.recording.replay.build.build` raises."""
        with self._ended():
            return await build(job, self._begun)

    async def mix_again(self, job: MixJob) -> Mixed:
        """Mix it. Raises KeysDroppedError and what `services.recording.replay.build.mix_again` raises."""
        with self._ended():
            return await mix_again(job, self._begun)

    async def cut(self, job: CutJob) -> Cut:
        """Cut it out. Raises KeysDroppedError and what `services.recording.replay.build.cut` raises."""
        with self._ended():
            return await cut(job, self._begun)

    async def form(self, job: FormJob) -> MadeForm:
        """Make it. Raises KeysDroppedError and what `services.recording.replay.build.form` raises."""
        with self._ended():
            return await form(job, self._begun)

    @contextmanager
    def _ended(self) -> Iterator[None]:
        try:
            yield
        except BuildError as error:
            self.must_hold(error)
            raise

    @property
    def holds(self) -> bool:
        """Whether it may still have its keys."""
        return not self._dropped

    def must_hold(self, cause: Exception | None = None) -> None:
        """Raises KeysDroppedError where it may not have its keys any more."""
        if not self.holds:
            raise KeysDroppedError("a key was destroyed meanwhile") from cause

    def drop(self, erased: ErasureTarget) -> None:
        """End its process where it has a key of what is destroyed."""
        if any(touches(erased, lock) for lock in self.locks):
            self.end()

    def end(self) -> None:
        """End its process; it may not have its keys any more."""
        self._dropped = True
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    def _begun(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        if self._dropped:
            process.kill()


class Builds:
    """Builds replays from what is spooled, and mixes from tracks that are stored."""

    def __init__(self, audio_keys: AudioKeys, spool: Spool, objects: StoredObjects, called: Called) -> None:
        """`called` says what people are called, by their ids; it raises TimeoutError while that is not known."""
        self._audio_keys = audio_keys
        self._spool = spool
        self._objects = objects
        self._called = called
        self._going_on: set[Building] = set()

    @asynccontextmanager
    async def build(self, recording: Recording) -> AsyncIterator[tuple[Building, Built]]:
        """Build the replay of a Space; until the context is left, destroyed keys are taken notice of.

        Raises KeysDroppedError, NothingCapturedError, BuildError, StorageFullError, OSError, what `called` raises, and
        Refusal, Unavailable or Expired where keys cannot be had.
        """
        assert recording.started_at is not None
        consenting = [id for id, speaker in recording.speakers.items() if any(yes for _, yes in speaker.consents)]
        names = await self._called(consenting)
        out = self._out(recording.space_id)
        await asyncio.to_thread(_emptied, out)
        keys = await self._audio_keys.to_build(recording, names)
        if keys is None:
            raise NothingCapturedError
        async with self._noticing(keys.locks) as building:
            job = BuildJob(
                space_id=recording.space_id,
                title=keys.title,
                began_ns=round(recording.started_at.timestamp() * 1e9),
                people=keys.people,
                mix=keys.mix,
                spool=self._spool.folder(recording.space_id),
                out=out,
            )
            yield building, await building.build(job)

    @asynccontextmanager
    async def mix_again(self, recording: Recording) -> AsyncIterator[tuple[Building, Mixed]]:
        """Mix the stored tracks of a Space again; its files are there until the context is left.

        Raises as `build` does, and ObjectStoreError where a track cannot be read.
        """
        assert recording.finished is not None
        out = self._spool.again(recording.space_id)
        try:
            await asyncio.to_thread(_emptied, out)
            paths = {track.object: out / str(number) for number, track in enumerate(recording.finished.tracks)}
            for name, path in paths.items():
                await self._objects.fetch(name, path)
            keys = await self._audio_keys.to_mix(recording)
            if keys is None:
                raise KeysDroppedError("a key of a track is destroyed")
            async with self._noticing(keys.locks) as building:
                tracks = [
                    StoredTrack(path=paths[name], offset=round(track.offset_seconds * RATE), key=keys.tracks[name])
                    for track in recording.finished.tracks
                    if (name := track.object)
                ]
                yield building, await building.mix_again(MixJob(tracks=tracks, mix=keys.mix, out=out))
        finally:
            await asyncio.to_thread(shutil.rmtree, out, True)

    @asynccontextmanager
    async def cut(self, job: CutJob, locks: frozenset[str]) -> AsyncIterator[tuple[Building, Cut]]:
        """Cut a stretch out for a report, with keys of these locks; until the context is left, destroyed keys are
        taken notice of. Raises KeysDroppedError, NothingCapturedError, BuildError, StorageFullError and OSError."""
        async with self._noticing(locks) as building:
            yield building, await building.cut(job)

    @asynccontextmanager
    async def form(self, job: FormJob, locks: frozenset[str]) -> AsyncIterator[tuple[Building, MadeForm]]:
        """Make a form of a mix, as `cut` cuts."""
        async with self._noticing(locks) as building:
            yield building, await building.form(job)

    async def confirm(self, building: Building) -> None:
        """Raises KeysDroppedError where one of its keys is destroyed, also where that was not heard of; and Refusal and
        Unavailable."""
        if not await self._audio_keys.live(building.locks):
            building.end()
        building.must_hold()

    @asynccontextmanager
    async def _noticing(self, locks: frozenset[str]) -> AsyncIterator[Building]:
        building = Building(locks)
        self._going_on.add(building)
        watching = asyncio.create_task(self._watch(building))
        try:
            yield building
        finally:
            self._going_on.discard(building)
            await end(watching)

    async def _watch(self, building: Building) -> None:
        """Renew the lease on the keys of a long build, and end it where that is not to be had."""
        while building.holds:
            await asyncio.sleep(_RENEW)
            try:
                if not await self._audio_keys.live(building.locks):
                    building.end()
            except (Refusal, Unavailable):  # until the lease is over, the keyring answers from memory
                building.end()

    async def clear(self, space_id: str) -> None:
        """Delete what was built of a Space."""
        await asyncio.to_thread(shutil.rmtree, self._out(space_id), True)

    def drop(self, erased: ErasureTarget) -> None:
        """End every process that has a key of what is destroyed."""
        for building in self._going_on:
            building.drop(erased)

    def _out(self, space_id: str) -> Path:
        return self._spool.folder(space_id) / "build"


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
