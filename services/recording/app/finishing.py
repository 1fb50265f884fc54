"""From the end of a Space to its stored replay."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from contracts import object_names
from libs.audio.opus import RATE
from libs.bus import Unavailable
from libs.commands import Executor
from libs.eventstore import Fact
from libs.keyring import Expired
from libs.object_store import ObjectStoreError, StoredObjects
from libs.refusal import Refusal
from services.recording.adapters.spool import Spool, StorageFullError
from services.recording.app.builds import Builds, KeysDroppedError
from services.recording.app.recordings import Recordings
from services.recording.domain.chapters import leads_of
from services.recording.domain.facts import FailureReason, Track
from services.recording.domain.recording import Phase, Recording
from services.recording.replay.build import BuildError, Built, NothingCapturedError

_log = logging.getLogger(__name__)
_LOOK_AGAIN: Final = 0.25
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 60.0
_BUILDS_THAT_FAIL: Final = 3


@dataclass(frozen=True, slots=True)
class FinishingLimits:
    """How patient and how busy finishing is."""

    grace: timedelta
    """How long after the end audio may still arrive."""
    builds: int
    """At the same time."""
    give_up: timedelta
    """How long after the end a replay that cannot be stored is tried."""


class Finishing:
    """Builds and stores the replay of every Space that is over; one task per Space.

    What is owed is known from the spool's folders and the event store, so that a restart takes it up again.
    """

    def __init__(
        self,
        recordings: Recordings,
        executor: Executor[Recording],
        spool: Spool,
        objects: StoredObjects,
        drained: Callable[[str], Awaitable[bool]],
        builds: Builds,
        limits: FinishingLimits,
        unmix: Callable[[str], Awaitable[None]],
    ) -> None:
        """`drained` says whether every captured message of a Space has been taken in. `unmix` destroys what was mixed
        of a Space while it ran; it raises Refusal, Unavailable and OSError."""
        self._recordings = recordings
        self._executor = executor
        self._spool = spool
        self._objects = objects
        self._drained = drained
        self._builds = builds
        self._limits = limits
        self._unmix = unmix
        self._busy = asyncio.Semaphore(limits.builds)
        self._owed: asyncio.Queue[str] = asyncio.Queue()
        self._running: set[str] = set()
        self._again: set[str] = set()
        self._troubles: dict[str, str] = {}

    def owe(self, space_id: str) -> None:
        """This Space is over."""
        self._owed.put_nowait(space_id)

    def trouble(self) -> str | None:
        """What keeps a replay from being stored now, for a readiness check."""
        return next(iter(self._troubles.values()), None)

    async def run(self) -> None:
        """Finish what is owed, from before and from now on, until cancelled."""
        await asyncio.to_thread(self._spool.sweep)
        for space_id in await asyncio.to_thread(self._spool.spaces):
            self.owe(space_id)
        async with asyncio.TaskGroup() as group:
            while True:
                space_id = await self._owed.get()
                if space_id in self._running:
                    self._again.add(space_id)
                else:
                    self._running.add(space_id)
                    group.create_task(self._finish(space_id), name=f"finish {space_id}")

    async def _finish(self, space_id: str) -> None:
        pause, failures = _FIRST_PAUSE, 0
        try:
            while True:
                try:
                    if await self._step(space_id, hopeless=failures >= _BUILDS_THAT_FAIL):
                        return
                    pause, failures = _FIRST_PAUSE, 0
                    continue
                except BuildError as error:
                    failures += 1
                    trouble = str(error)
                except Refusal as error:
                    trouble = error.detail
                except (ObjectStoreError, StorageFullError, Unavailable, Expired, OSError) as error:
                    trouble = str(error)
                self._troubles[space_id] = f"the replay of {space_id} waits: {trouble}"
                _log.error("the replay of %s waits %.0f s: %s", space_id, pause, trouble)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        finally:
            self._running.discard(space_id)
            if space_id in self._again:  # it may have looked just before the Space ended
                self._again.discard(space_id)
                self.owe(space_id)
            self._troubles.pop(space_id, None)

    async def _step(self, space_id: str, *, hopeless: bool) -> bool:
        """Bring a Space one step on; whether nothing is left to do. `hopeless`: its build failed too often."""
        recording = await self._recordings.get(space_id)
        if recording.phase not in (Phase.NONE, Phase.RECORDING, Phase.PROCESSING):
            # Before its folder goes, by which a restart finds what is left to do.
            await self._unmix(space_id)
        if recording.phase in (Phase.READY, Phase.DELETED, Phase.DESTROYED):
            await asyncio.to_thread(self._spool.remove_space, space_id)
        elif recording.phase is Phase.FAILED:
            await self._remove_parts(recording)
            await self._builds.clear(space_id)
            kept = await asyncio.to_thread(self._spool.set_aside, space_id)
            if kept is not None:
                _log.error("there is no replay of %s; its audio is kept in %s", space_id, kept)
        if recording.phase is not Phase.PROCESSING:
            return True
        ended_at = recording.ended_at
        assert ended_at is not None
        if hopeless:
            detail = "The captured audio could not be made into a replay."
            await self._fail(space_id, "unreadable", detail)
            return False
        await self._drain(recording)
        try:
            async with self._busy:
                # Read again: draining may have brought a speaker that was not known before.
                recording = await self._recordings.get(space_id)
                await self._build(recording)
        except KeysDroppedError:
            # Somebody was erased: whatever was stored of them meanwhile goes, and it is built without them.
            await self._remove_parts(recording)
        except NothingCapturedError:
            detail = "Nobody who may be recorded was heard."
            await self._fail(space_id, "nothing_captured", detail)
        except (ObjectStoreError, StorageFullError, OSError) as error:
            if datetime.now(UTC) - ended_at < self._limits.give_up:
                raise
            _log.error("the replay of %s is given up", space_id, exc_info=error)
            await self._fail(space_id, "storage", "The replay could not be stored.")
        return False

    async def _fail(self, space_id: str, reason: FailureReason, detail: str) -> None:
        await self._executor.by_itself(space_id, lambda r, _: r.fail(reason=reason, detail=detail), cause="fail")

    async def _remove_parts(self, recording: Recording) -> None:
        """Remove what was stored of a replay that there will not be; said in the log where that cannot be done."""
        for name in (
            object_names.mix(recording.space_id, recording.mixes + 1),
            *(object_names.track(recording.space_id, id) for id in recording.speakers),
        ):
            try:
                await self._objects.remove([name])
            except ObjectStoreError as error:
                _log.error("what was stored of a replay that is given up may be left: %s", error)

    async def _drain(self, recording: Recording) -> None:
        """Wait until the grace time is over and all that was captured is in the spool."""
        assert recording.ended_at is not None
        left = recording.ended_at + self._limits.grace - datetime.now(UTC)
        await asyncio.sleep(max(left.total_seconds(), 0))
        while not await self._drained(recording.space_id):  # noqa: ASYNC110  (NATS is asked; nothing announces it)
            await asyncio.sleep(_LOOK_AGAIN)

    async def _build(self, recording: Recording) -> None:
        """Build, store, remember; again where audio arrived meanwhile."""
        space_id = recording.space_id
        self._spool.must_have_room()
        before = await asyncio.to_thread(self._spool.size, space_id)
        mix = object_names.mix(space_id, recording.mixes + 1)
        started = time.monotonic()
        async with self._builds.build(recording) as (building, built):
            await self._put(recording, mix, built)
            if not await self._drained(space_id) or await asyncio.to_thread(self._spool.size, space_id) != before:
                _log.info("more audio of %s came while its replay was built; building again", space_id)
                return
            await self._builds.confirm(building)
            tracks = [_track(recording, track.person_id, built) for track in built.tracks]

            people = [track.person_id for track in built.tracks]

            def decide(recording: Recording, _: datetime) -> list[Fact]:
                if not building.holds:
                    return []  # the keys were dropped in this very moment
                return recording.finish(
                    began_at=datetime.fromtimestamp(built.began_ns / 1e9, UTC),
                    seconds=built.samples / RATE,
                    bytes=built.bytes,
                    mix=mix,
                    tracks=tracks,
                    leads=leads_of([None if n is None else people[n] for n in built.leaders], built.window),
                )

            if not await self._executor.by_itself(space_id, decide):
                building.must_hold()
                return
        _log.info(
            "the replay of %s is stored: %.1f s, %d speakers, %d packets, %d left out, built in %.1f s",
            space_id, built.samples / RATE, len(built.tracks), sum(t.packets for t in built.tracks),
            sum(t.left_out for t in built.tracks), time.monotonic() - started,
        )  # fmt: skip

    async def _put(self, recording: Recording, mix: str, built: Built) -> None:
        space_id = recording.space_id
        for track in built.tracks:
            await self._objects.put(object_names.track(space_id, track.person_id), track.path, object_names.SEALED_TYPE)
        await self._objects.put(mix, built.mix, object_names.SEALED_TYPE)


def _track(recording: Recording, person_id: str, built: Built) -> Track:
    track = next(t for t in built.tracks if t.person_id == person_id)
    return Track(
        person_id=person_id,
        object=object_names.track(recording.space_id, person_id),
        offset_seconds=track.offset / RATE,
        seconds=track.samples / RATE,
        bytes=track.bytes,
    )
