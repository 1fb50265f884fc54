"""The mix of every recorded Space while it runs: fed with what is spooled, kept part by part, and said to gateways."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from contracts import capture, live_audio, object_names
from libs.aio import end
from libs.bus import Unavailable
from libs.keyring import Expired, Tampered, UnitKey, lock_name
from libs.keyring.rows import ErasureTarget
from libs.refusal import Refusal
from services.recording.adapters.live_parts import LiveParts, path_of, remove_runs, runs
from services.recording.adapters.spool import LIVE, PLAIN, Spool, SpoolEntry, StorageFullError, records_of
from services.recording.app.audio_keys import AudioKeys
from services.recording.app.recordings import Recordings
from services.recording.domain.recording import Phase, Recording
from services.recording.replay.live_mixer import Advance, Begin, Drop, FromMixer, Header, LiveMixer, Made, Over, Take

_log = logging.getLogger(__name__)
_EVERY: Final = 0.1
_LOOK: Final = 0.1
_TAKEN: Final = 1000
_PLAYED_OUT: Final = 2.0
"""Seconds for which what is over can still be played once its replay is there."""
_AGAIN: Final = 1.0
_STUCK: Final = 10.0
"""Seconds after which a process that takes nothing in is left alone for a while."""
_WAITING: Final = 64
"""Parts that are made and not kept yet; then the process that makes them waits."""
_WARM_NS: Final = 35_000_000_000
"""How long before the next part speech is told again after a crash."""
_AWAY: Final = (Refusal, Unavailable, Expired, OSError, StorageFullError)


@dataclass(slots=True)
class _Run:
    """A Space that is mixed while it runs."""

    space_id: str
    began_ns: int
    parts: LiveParts
    people: set[str] = field(default_factory=set)
    """Who is heard in it."""
    told: bool = False
    """Whether the process that mixes has what was said before."""
    ended_ns: int | None = None
    ending: bool = False
    over: bool = False


class Live:
    """Every recorded Space that runs.

    What is kept follows from the spool: a process that was killed is told again what was said before the next part, and
    goes on with that part. Parts that are kept never change.
    """

    def __init__(
        self,
        recordings: Recordings,
        audio_keys: AudioKeys,
        spool: Spool,
        floor: Callable[[], Awaitable[tuple[int, bool] | None]],
        say: Callable[[str, bytes], Awaitable[None]],
        grace: timedelta,
    ) -> None:
        """`floor` says up to which message everything that was captured is taken in, and whether that is all; `say`
        tells gateways of a part."""
        self._recordings = recordings
        self._audio_keys = audio_keys
        self._spool = spool
        self._floor = floor
        self._say = say
        self._grace_ns = round(grace.total_seconds() * 1e9)
        self._runs: dict[str, _Run] = {}
        self._owed: dict[str, float] = {}
        """Spaces that are to be mixed, or looked at again, and from when on (monotonic clock)."""
        self._taken: deque[tuple[int, int]] = deque(maxlen=_TAKEN)
        """(sequence, time of publication in ns) of batches that were taken in; some before them may not be yet."""
        self._clock_ns = 0
        """Everything that was captured before this moment is taken in."""
        self._mixer: LiveMixer | None = None
        self._told: asyncio.Queue[tuple[LiveMixer, FromMixer | None]] = asyncio.Queue(_WAITING)
        self._header = b""
        self._guard = asyncio.Lock()
        """Runs begin and are removed one at a time."""

    # -- what happens ------------------------------------------------------------------------------------------------

    def owe(self, space_id: str) -> None:
        """This Space has begun, has ended, or was found in the spool."""
        self._owed[space_id] = 0.0

    def take(self, taken: Iterable[tuple[SpoolEntry, bytes]], sequence: int, published_at: datetime) -> None:
        """Bundles that are in the spool now, opened too; the newest has this sequence, and was published then."""
        self._taken.append((sequence, round(published_at.timestamp() * 1e9)))
        for entry, plain in taken:
            run = self._runs.get(entry.space_id)
            if run is not None and self._mixer is not None and not run.ending:
                run.people.add(entry.person_id)
                self._mixer.tell(Take(entry.space_id, entry.person_id, entry.session_id, plain))

    def drop(self, erased: ErasureTarget) -> None:
        """Stop at once what somebody is heard in whose keys are destroyed."""
        for run in [*self._runs.values()]:
            seal = object_names.of_live(run.space_id, run.parts.first)
            if erased.unit is not None:
                below = not erased.unit or f"{seal.unit}/".startswith(f"{erased.unit}/")
                gone = below and erased.what == lock_name(*seal.subjects)
            else:
                gone = erased.what in (*seal.subjects, *(f"person:{person}" for person in run.people))
            if gone:
                self._forget(run)

    def _forget(self, run: _Run) -> None:
        if self._runs.get(run.space_id) is run:
            del self._runs[run.space_id]
            if self._mixer is not None:
                self._mixer.tell(Drop(run.space_id))

    async def erase_person(self, person_id: str) -> None:
        """Destroy the mixes of running Spaces that somebody was heard in; they begin anew. Again changes nothing.

        Raises Refusal, Unavailable and OSError.
        """
        for space_id in await asyncio.to_thread(self._spool.spaces):
            recording = await self._recordings.get(space_id)
            if person_id in recording.speakers:
                running = recording.phase in (Phase.RECORDING, Phase.PROCESSING)
                await self._remove(space_id, _began_ns(recording) if running else None)
                self.owe(space_id)

    async def finish(self, space_id: str) -> None:
        """Destroy what was mixed of a Space that is over, keys first; a moment later where it is played. Again changes
        nothing. Raises Refusal, Unavailable and OSError."""
        if space_id in self._runs:
            await asyncio.sleep(_PLAYED_OUT)
        await self._remove(space_id)

    async def erase_space(self, space_id: str) -> None:
        """Forget a Space of which nothing is to be left. Raises OSError."""
        async with self._guard:
            if (run := self._runs.get(space_id)) is not None:
                self._forget(run)
            await asyncio.to_thread(remove_runs, self._spool.folder(space_id))

    async def _remove(self, space_id: str, began_ns: int | None = None) -> None:
        """Destroy everything that was mixed of a Space, keys first. One that runs, since `began_ns`, gets an empty run
        instead, so that no number is given to two parts."""
        async with self._guard:
            folder = self._spool.folder(space_id)
            firsts = set(await asyncio.to_thread(runs, folder))
            free = max(firsts, default=-1) + 1
            if (run := self._runs.get(space_id)) is not None:
                firsts.add(run.parts.first)
                free = max(free, run.parts.next)
            for first in sorted(firsts):
                await self._audio_keys.destroy_live(space_id, first)
            if run is not None:
                self._forget(run)
            if began_ns is not None:
                free = _segment(max(free, _now(began_ns)))
                await asyncio.to_thread(LiveParts, path_of(folder, free), free)
            await asyncio.to_thread(remove_runs, folder, None if began_ns is None else free)

    # -- what is asked ---------------------------------------------------------------------------------------------

    def has(self, space_id: str) -> bool:
        """Whether this Space is recorded, and mixed for that."""
        return space_id in self._runs

    def far(self, space_id: str) -> tuple[datetime, int, int, bytes, bool]:
        """(start of part 0, first part, next part, header, whether it is over) of a Space's mix. Refuses: not_live."""
        run = self._run(space_id)
        began = datetime.fromtimestamp(run.began_ns / 1e9, UTC)
        return began, run.parts.first, run.parts.next, self._header, run.over

    async def read(self, space_id: str, first: int, count: int) -> list[bytes]:
        """Some parts. Refuses: not_live, not_found. May raise Unavailable and Expired."""
        run = self._run(space_id)
        sealed = await asyncio.to_thread(lambda: [run.parts.read(n) for n in range(first, first + count)])
        found = []
        for one in sealed:
            plain = None if one is None else await self._audio_keys.open_live(space_id, run.parts.first, one)
            if plain is None:
                break
            found.append(plain)
        if not found:
            raise Refusal("not_found", "There is no such part of what is said there.")
        return found

    def _run(self, space_id: str) -> _Run:
        run = self._runs.get(space_id)
        if run is None or not self._header:
            raise Refusal("not_live", "Nothing is mixed of this Space now.")
        return run

    # -- the work ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Mix what runs, for ever."""
        for space_id in await asyncio.to_thread(self._spool.spaces):
            self.owe(space_id)
        keeping = asyncio.create_task(self._keep(), name="keep live mixes")
        looking = asyncio.create_task(self._look(), name="look what is taken in")
        try:
            while True:
                await self._begin_owed()
                self._advance()
                for task in (keeping, looking):
                    if task.done():
                        await task
                await asyncio.sleep(_EVERY)
        finally:
            await end(keeping)
            await end(looking)
            if self._mixer is not None:
                await asyncio.to_thread(self._mixer.close)

    async def _begin_owed(self) -> None:
        now = time.monotonic()
        for space_id in [one for one, due in self._owed.items() if due <= now]:
            del self._owed[space_id]  # first: it may be owed again meanwhile
            try:
                if not await self._begin(space_id):
                    await self._remove(space_id)
            except _AWAY as error:
                _log.warning("the live mix of %s waits", space_id, extra={"why": str(error)})
                self._owed.setdefault(space_id, time.monotonic() + _AGAIN)

    async def _begin(self, space_id: str) -> bool:
        """Begin to mix a Space where it is not, and note its end; False for one that is not recorded any more."""
        async with self._guard:
            # Read here: what was mixed of a Space that is over is removed under the same guard.
            recording = await self._recordings.get(space_id)
            if recording.phase not in (Phase.RECORDING, Phase.PROCESSING):
                return False
            if (run := self._runs.get(space_id)) is None:
                run = self._runs[space_id] = await self._open(space_id, _began_ns(recording))
            if recording.ended_at is not None:
                run.ended_ns = round(recording.ended_at.timestamp() * 1e9)
            run.people.update(recording.speakers)
            if not run.told:
                await self._tell(run, recording)
            return True

    async def _open(self, space_id: str, began_ns: int) -> _Run:
        folder = self._spool.folder(space_id)
        found = await asyncio.to_thread(runs, folder)
        # What an earlier version began to record is mixed from now on.
        ours = await asyncio.to_thread((folder / LIVE).is_dir)
        spooled = await asyncio.to_thread(self._spool.size, space_id)
        first = found[-1] if found else 0 if ours or not spooled else _segment(_now(began_ns))
        parts = await asyncio.to_thread(LiveParts, path_of(folder, first), first)
        return _Run(space_id, began_ns, parts)

    async def _tell(self, run: _Run, recording: Recording) -> None:
        """Tell the process that mixes what was said before."""
        if self._mixer is None:
            self._mixer = self._started()
        mixer, next = self._mixer, run.parts.next
        mixer.tell(Begin(run.space_id, run.began_ns, run.parts.first, next))
        since = run.began_ns + next * live_audio.PART_SAMPLES * 1_000_000_000 // live_audio.RATE - _WARM_NS
        keys = await self._audio_keys.spool_keys(run.space_id, recording.speakers)
        for person_id, key in keys.items():
            folder = self._spool.folder(run.space_id)
            for session_id, body in await asyncio.to_thread(_spooled, folder, person_id, key, since):
                await _until_it_listens(mixer)
                mixer.tell(Take(run.space_id, person_id, session_id, body))
        run.told = self._mixer is mixer  # otherwise it has ended meanwhile, and the Space is owed again

    def _started(self) -> LiveMixer:
        loop = asyncio.get_running_loop()

        def heard(mixer: LiveMixer, told: FromMixer | None) -> None:
            # The thread waits while parts wait to be kept, and so does the process.
            if loop.is_closed():
                return
            with contextlib.suppress(RuntimeError):  # it is closed just now
                asyncio.run_coroutine_threadsafe(self._told.put((mixer, told)), loop).result()

        return LiveMixer(heard)

    def _advance(self) -> None:
        if self._mixer is None:
            return
        for run in self._runs.values():
            if not run.told or run.ending:
                continue
            if run.ended_ns is not None and self._clock_ns >= run.ended_ns + self._grace_ns:
                run.ending = True
                self._mixer.tell(Advance(run.space_id, run.ended_ns, end=True))
            else:
                self._mixer.tell(Advance(run.space_id, min(self._clock_ns, run.ended_ns or self._clock_ns)))

    async def _look(self) -> None:
        """Find out up to when everything that was said is there."""
        while True:
            await asyncio.sleep(_LOOK)
            now_ns = time.time_ns()
            if self._runs and (known := await self._floor()) is not None:
                floor, all_of_it = known
                while self._taken and self._taken[0][0] <= floor:
                    self._clock_ns = max(self._clock_ns, self._taken.popleft()[1])
                if all_of_it:
                    self._clock_ns = max(self._clock_ns, now_ns)

    async def _keep(self) -> None:
        """Keep parts, and say them to gateways."""
        while True:
            mixer, told = await self._told.get()
            if mixer is not self._mixer:
                continue
            match told:
                case Header():
                    self._header = told.header
                case Made():
                    await self._keep_part(told)
                case Over():
                    run = self._runs.get(told.space_id)
                    if run is not None and run.parts.first == told.run:
                        run.over = True
                        await self._say_part(run.space_id, run.parts.next, b"")
                case None:
                    _log.error("the process that mixes running Spaces has ended: another one goes on")
                    await asyncio.sleep(_AGAIN)
                    self._mixer = None
                    for run in self._runs.values():
                        run.told = run.ending = False
                        self.owe(run.space_id)

    async def _keep_part(self, made: Made) -> None:
        while True:
            run = self._runs.get(made.space_id)
            if run is None or run.parts.first != made.run or run.parts.next != made.number:
                return
            try:
                await asyncio.to_thread(self._spool.must_have_room)
                sealed = await self._audio_keys.seal_live(run.space_id, run.parts.first, made.part)
                if sealed is None or self._runs.get(run.space_id) is not run:
                    return
                await asyncio.to_thread(run.parts.append, sealed)
                break
            except _AWAY as error:
                _log.warning("a part of the live mix of %s waits", made.space_id, extra={"why": str(error)})
                await asyncio.sleep(_AGAIN)
        await self._say_part(run.space_id, made.number, made.part)

    async def _say_part(self, space_id: str, number: int, part: bytes) -> None:
        try:
            await self._say(space_id, live_audio.encode(number, part))
        except (Unavailable, OSError) as error:
            _log.debug("gateways are not told of a part, and ask for it later: %s", error)


async def _until_it_listens(mixer: LiveMixer) -> None:
    """Wait while much waits for the process. Raises Unavailable where that does not get less."""
    until = time.monotonic() + _STUCK
    while mixer.busy:
        if time.monotonic() > until:
            raise Unavailable("the process that mixes takes nothing in")
        await asyncio.sleep(_LOOK)


def _began_ns(recording: Recording) -> int:
    assert recording.started_at is not None
    return round(recording.started_at.timestamp() * 1e9)


def _now(began_ns: int) -> int:
    """The part that is said now."""
    return max(time.time_ns() - began_ns, 0) * live_audio.RATE // (live_audio.PART_SAMPLES * 1_000_000_000)


def _segment(part: int) -> int:
    """The first part, from this one on, that begins a segment."""
    return -(-part // live_audio.SEGMENT_PARTS) * live_audio.SEGMENT_PARTS


def _spooled(space: Path, person_id: str, key: UnitKey, since_ns: int) -> list[tuple[str, bytes]]:
    """(session, bundle) of what is spooled of a speaker since a moment."""
    found = []
    for path, body in records_of(space, person_id):
        try:
            plain = body if path.suffix == PLAIN else key.open_bytes(body)
        except Tampered:
            continue
        if capture.base_of(plain) >= since_ns:
            found.append((path.stem, plain))
    return sorted(found, key=lambda one: capture.base_of(one[1]))
