"""Sound of what was reported: cut out of whatever there is of it, sealed under the key of the report."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from copy import copy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from contracts import capture, object_names
from contracts.room import v1 as room
from libs.aio import Rounds
from libs.audio.opus import RATE
from libs.bus import Unavailable
from libs.commands import Executor
from libs.eventstore import Fact, Store
from libs.keyring import Expired, UnitKey
from libs.object_store import ObjectStoreError, StoredObjects
from libs.refusal import Refusal
from services.recording.adapters import spooled
from services.recording.adapters.backlog import Backlog
from services.recording.adapters.capture_stream import CaptureStream
from services.recording.adapters.spool import Spool, StorageFullError
from services.recording.app.audio_keys import AudioKeys
from services.recording.app.builds import Builds, KeysDroppedError
from services.recording.domain.recording import Phase, Recording
from services.recording.domain.sounds import Sound, SoundKept, SoundMissing
from services.recording.projection import KeptSpaces
from services.recording.replay.build import BuildError, NothingCapturedError
from services.recording.replay.cut import CutJob, StoredVoice

_log = logging.getLogger(__name__)
_PAUSE: Final = 5.0
"""Seconds after which what could not be cut out is tried again."""
_LOOK: Final = 60.0
_LOOK_AGAIN: Final = 0.25
_CATCHING_UP: Final = 10.0
"""Seconds that captured audio may take to be spooled before it is tried later."""
_TOGETHER: Final = 100
_GIVE_UP: Final = timedelta(days=1)
_CUTS_THAT_FAIL: Final = 3

FetchSpace = Callable[[str], Awaitable[room.Space]]


class ReportKeyDestroyed(Exception):
    """The key of the report is destroyed."""


class _NotYetError(Exception):
    """What there is of the Space is on its way from one place to another."""


class _Source(NamedTuple):
    """Where there is sound of a Space."""

    spool: Path
    unit: str
    people: list[str]
    tracks: bool = False
    """Whether it is the tracks that are stored."""


class Sounds:
    """Keeps sound of what was reported. What is owed follows from the stored facts, so no crash stops it.

    It is taken from the spool, from the tracks that are stored (also those that are the safety copy), and where a Space
    is not recorded, from the stream of what is captured for its captions.
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
        backlog: Backlog,
        captured: CaptureStream,
        snapshot: FetchSpace,
        *,
        now: Callable[[], datetime],
        grace: timedelta,
    ) -> None:
        """`grace`: how long after a moment its audio may still arrive."""
        self._store = store
        self._executor = executor
        self._kept = kept
        self._objects = objects
        self._spool = spool
        self._audio_keys = audio_keys
        self._builds = builds
        self._backlog = backlog
        self._captured = captured
        self._snapshot = snapshot
        self._now = now
        self._grace = grace
        self._rounds = Rounds(
            self._look, log=_log, later="sound of what was reported waits", away=(Refusal,), pause=_PAUSE
        )
        self._trouble: str | None = None
        self._failures: dict[str, int] = {}
        """How often a sound could not be cut out."""

    def trouble(self) -> str | None:
        """What keeps sound from being kept now, for a readiness check."""
        return self._rounds.trouble() or self._trouble

    async def want(
        self, space_id: str, report: str, piece: int, since: datetime, until: datetime, *, cause: str
    ) -> None:
        """Keep sound of this stretch for a piece of a report. Refuses: unavailable, storage_full."""
        await self._executor.by_itself(space_id, lambda r, _: r.want_sound(report, piece, since, until), cause=cause)
        self._rounds.wake()

    async def of(self, report: str) -> list[tuple[str, Sound]]:
        """What is kept for a report, everything committed included, with the Space it is of. Refuses: unavailable."""
        await self._kept.catch_up(self._store)
        found: list[tuple[str, Sound]] = []
        for space_id in self._kept.sounds(report):
            recording = await self._store.read(space_id, copy)
            found += [(space_id, sound) for sound in recording.sounds.values() if sound.report == report]
        return sorted(found, key=lambda one: one[1].piece)

    async def remove(self, report: str) -> None:
        """Remove what is kept for a report, whose key is destroyed. Again changes nothing.

        Raises ObjectStoreError, and Refusal where the store is away.
        """
        for space_id, sound in await self.of(report):
            await self._objects.remove([object_names.reported(report, sound.piece)])
            await self._executor.by_itself(space_id, lambda r, _: r.remove_sounds(report))

    async def run(self) -> None:
        """Keep what is owed, from before and from now on, for ever."""
        await asyncio.to_thread(self._spool.sweep_cut)
        await self._rounds.run()

    async def _look(self) -> float:
        """Keep what can be kept now; seconds until there is to be another look."""
        await self._kept.catch_up(self._store)
        self._trouble = None
        wait = _LOOK
        for space_id, report, piece, until in self._kept.awaited(_TOGETHER):
            left = (until + self._grace - self._now()).total_seconds()
            if left > 0:
                wait = min(wait, left)
            elif not await self._tried(space_id, report, piece):
                wait = min(wait, _PAUSE)
        return wait

    async def _tried(self, space_id: str, report: str, piece: int) -> bool:
        recording = await self._store.read(space_id, copy)
        sound = next((one for one in recording.sounds.values() if (one.report, one.piece) == (report, piece)), None)
        if sound is None or sound.state != "awaited":
            return True
        try:
            await self._keep(recording, sound)
        except (NothingCapturedError, ReportKeyDestroyed):
            await self._settle(space_id, SoundMissing(report=report, piece=piece, why="none"))
        except (_NotYetError, KeysDroppedError) as error:
            _log.info("sound of %s for a report is kept later: %s", space_id, error)
            return await self._given_up(space_id, sound)
        except BuildError as error:
            _log.error("sound of %s for a report cannot be cut out: %s", space_id, error)
            self._failures[sound.key] = self._failures.get(sound.key, 0) + 1
            return await self._given_up(space_id, sound, hopeless=self._failures[sound.key] >= _CUTS_THAT_FAIL)
        except (ObjectStoreError, StorageFullError, Refusal, Unavailable, Expired, OSError) as error:
            self._trouble = f"sound of {space_id} for a report waits: {error}"
            _log.error("sound of %s for a report is kept later: %s", space_id, error)
            return await self._given_up(space_id, sound)
        return True

    async def _given_up(self, space_id: str, sound: Sound, *, hopeless: bool = False) -> bool:
        if not hopeless and self._now() < sound.until + _GIVE_UP:
            return False
        self._failures.pop(sound.key, None)
        await self._settle(space_id, SoundMissing(report=sound.report, piece=sound.piece, why="given_up"))
        return True

    async def _settle(self, space_id: str, fact: SoundKept | SoundMissing) -> None:
        await self._executor.by_itself(space_id, lambda r, _: r.settle_sound(fact))

    async def _keep(self, recording: Recording, sound: Sound) -> None:
        space_id = recording.space_id
        name = object_names.reported(sound.report, sound.piece)
        out = self._spool.cut(f"{sound.report}-{sound.piece}")
        try:
            self._spool.must_have_room()
            await asyncio.to_thread(_emptied, out)
            source = await self._source(recording, sound, out)
            if source is None:
                raise NothingCapturedError
            seal = object_names.of_reported(sound.report, sound.piece)
            keys = await self._audio_keys.to_cut(space_id, source.people, source.unit, seal)
            if keys is None:
                raise ReportKeyDestroyed
            job = CutJob(
                since_ns=_ns(sound.since),
                until_ns=_ns(sound.until),
                spool=source.spool,
                people={} if source.tracks else keys.people,
                tracks=await self._tracks(recording, sound, keys.people, out) if source.tracks else [],
                sound=keys.sound,
                out=out,
            )
            async with self._builds.cut(job, keys.locks) as (building, cut):
                await self._objects.put(name, cut.path, object_names.SEALED_TYPE)
                await self._builds.confirm(building)
                kept = SoundKept(
                    report=sound.report,
                    piece=sound.piece,
                    object=name,
                    began_at=sound.since,
                    seconds=cut.samples / RATE,
                    people=tuple(cut.people),
                )

                def decide(recording: Recording, _: datetime) -> list[Fact]:
                    return recording.settle_sound(kept) if building.holds else []

                if await self._executor.by_itself(space_id, decide):
                    _log.info("%.1f s of %s are kept for a report", kept.seconds, space_id)
                else:
                    building.must_hold()
                    await self._objects.remove([name])  # nothing is kept for that report any more
        except NothingCapturedError:
            if (await self._store.read(space_id, copy)).phase is not recording.phase:
                raise _NotYetError("it was moved meanwhile") from None
            raise
        finally:
            await asyncio.to_thread(shutil.rmtree, out, True)

    async def _source(self, recording: Recording, sound: Sound, out: Path) -> _Source | None:
        """Where there is sound of a Space; None: nowhere any more."""
        space_id = recording.space_id
        match recording.phase:
            case Phase.RECORDING | Phase.PROCESSING:
                await self._caught_up(space_id)
                folder = self._spool.folder(space_id)
            case Phase.FAILED:
                folder = self._spool.aside_of(space_id)
            case Phase.READY | Phase.DELETED:
                tracks = () if recording.finished is None else recording.finished.tracks
                return _Source(out, object_names.TRACK, [track.person_id for track in tracks], tracks=True)
            case Phase.NONE:
                return await self._unrecorded(space_id, sound, out)
            case _:
                return None
        return _Source(folder, object_names.SPOOL, await asyncio.to_thread(spooled.people, folder))

    async def _unrecorded(self, space_id: str, sound: Sound, out: Path) -> _Source | None:
        try:
            space = await self._snapshot(space_id)
        except Refusal as no:
            if no.retry:
                raise
            return None
        if space.settings.recorded:
            raise _NotYetError("its recording is not known here yet")
        copies = Spool(out / "captured")
        await self._captured.spool(space_id, sound.since, sound.until, copies)
        folder = copies.folder(space_id)
        return _Source(folder, capture.UNRECORDED, await asyncio.to_thread(spooled.people, folder))

    async def _caught_up(self, space_id: str) -> None:
        """Wait until everything that was captured until now is spooled."""
        end = await self._backlog.last(space_id)
        try:
            async with asyncio.timeout(_CATCHING_UP):
                while end is None or not await self._backlog.reached(end):
                    await asyncio.sleep(_LOOK_AGAIN)
                    end = await self._backlog.last(space_id) if end is None else end
        except TimeoutError:
            raise _NotYetError("what was captured is not spooled yet") from None

    async def _tracks(
        self, recording: Recording, sound: Sound, keys: dict[str, UnitKey], out: Path
    ) -> list[StoredVoice]:
        done = recording.finished
        assert done is not None
        voices = []
        for number, track in enumerate(done.tracks):
            sealed = object_names.seal_of(track.object) is not None
            began = done.began_at + timedelta(seconds=track.offset_seconds)
            heard = began < sound.until and began + timedelta(seconds=track.seconds) > sound.since
            if not heard or (sealed and track.person_id not in keys):
                continue
            path = out / str(number)
            await self._objects.fetch(track.object, path)
            voices.append(
                StoredVoice(
                    person_id=track.person_id,
                    path=path,
                    began_ns=_ns(began),
                    samples=round(track.seconds * RATE),
                    key=keys[track.person_id] if sealed else None,
                )
            )
        return voices


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _ns(moment: datetime) -> int:
    return round(moment.timestamp() * 1e9)
