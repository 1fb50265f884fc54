"""The recognition processes, seen from the service."""

from __future__ import annotations

import asyncio
import collections
import logging
import os
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
from prometheus_client import Counter

from services.transcription.adapters.messages import (
    LARGEST,
    PREFIX,
    Answer,
    Close,
    Flush,
    HearBundle,
    PartialResult,
    PartialShown,
    Rejected,
    Request,
    Results,
    Start,
    Tuning,
    Working,
    frame,
    notice_of,
)
from services.transcription.engines import ModelError

_log = logging.getLogger(__name__)
DIED: Final = Counter("rostrum_transcription_workers_died_total", "Recognition processes that died")
_START_WITHIN: Final = 30.0
_PAUSE_FIRST: Final = 0.1
_PAUSE_LAST: Final = 10.0
_STRIKES: Final = 2
"""How many workers an utterance, or a bundle, may take down before it is not tried again."""
DEADLY: Final = "recognition workers died of the utterance it is in, or hung"
"""Why an utterance is not tried again."""
HANGS_AFTER: Final = 20.0
"""Seconds on one piece of work, or without an answer while on none, after which a worker is ended. The longest takes
about two."""


class BadBundle(Exception):
    """A captured message that is no bundle, or that recognition workers do not survive."""


class WorkerLost(Exception):
    """A worker died; what it knew must be recognised again."""


class _Process:
    """One worker process, on a socket pair. Answers of one session come in the order of its requests."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._process = process
        self._input = writer
        self._waiting: dict[int, deque[tuple[Request, asyncio.Future[Answer]]]] = {}
        """By session; the one that has waited longest first."""
        self.shows: dict[int, Callable[[PartialResult], None]] = {}
        """Who is told the partial results of a session."""
        self.lost = asyncio.Event()
        self.died_of_utterance: int | None = None
        """What it recognised when it was lost: the sequence of the bundle in which the utterance began."""
        self.died_of_bundle: int | None = None
        """What it segmented when it was lost, where it recognised nothing."""
        self._working: int | None = None
        self._news_at = time.monotonic()
        self._reader = asyncio.create_task(self._read(reader), name=f"worker {process.pid}")
        self._watch: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, start: Start, hangs_after: float) -> Self:
        """Raises ModelError, WorkerLost."""
        ours, theirs = socket.socketpair()
        with theirs:
            # Not the loop's own: uvloop forks with all our threads' locks held, and the child waited for one for ever.
            process = subprocess.Popen(  # noqa: ASYNC220 (it returns when the program is loaded: milliseconds)
                [sys.executable, "-m", "services.transcription.adapters.worker"],
                stdin=theirs.fileno(), stdout=theirs.fileno(),
                # It needs no secret of ours, only what we can import. NumPy's algebra would take another thread, and a
                # spectrum five times as long where all cores are busy.
                env={"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path), "OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
        worker = cls(process, *await asyncio.open_connection(sock=ours))
        try:
            async with asyncio.timeout(_START_WITHIN):
                await worker.ask(start)
        except BadBundle as error:
            await worker.stop()
            raise ModelError(str(error)) from error
        except TimeoutError:
            await worker.stop()
            raise WorkerLost(f"it does not load its model within {_START_WITHIN:.0f} s") from None
        except (WorkerLost, asyncio.CancelledError):
            await worker.stop()
            raise
        worker._watch = asyncio.create_task(worker._end_when_it_hangs(hangs_after), name=f"watch {process.pid}")
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, request: Request) -> Results:
        """Raises BadBundle, WorkerLost."""
        answer = await self.tell(request)
        if isinstance(answer, Rejected):
            raise BadBundle(answer.reason)
        return answer

    def tell(self, request: Request) -> asyncio.Future[Answer]:
        """Send it; the answer comes in the future. Callers bound what is under way: one request per session."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self.lost.is_set():
            future.set_exception(WorkerLost(f"worker {self.pid} is gone"))
            future.exception()  # seen, where nobody waits for it
            return future
        if not self._waiting:
            self._news_at = time.monotonic()
        self._waiting.setdefault(request.session, deque()).append((request, future))
        # A worker that is gone is noticed by the reader; then what waits fails.
        self._input.write(frame(request))
        return future

    async def _read(self, notices: asyncio.StreamReader) -> None:
        try:
            while True:
                length = int.from_bytes(await notices.readexactly(PREFIX), "little")
                if length > LARGEST:
                    raise ValueError(f"an answer of {length} bytes")
                notice = notice_of(await notices.readexactly(length))
                self._news_at = time.monotonic()
                match notice:
                    case Working():
                        self._working = notice.sequence
                    case PartialShown():
                        # What was under way when a session was closed is shown to nobody.
                        if (show := self.shows.get(notice.session)) is not None:
                            show(notice.partial)
                    case _:
                        self._take(notice)
        except (asyncio.IncompleteReadError, OSError):
            pass
        except (ValueError, KeyError, msgspec.MsgspecError):
            _log.exception("worker %d does not make sense", self.pid)
            self._process.kill()
        finally:
            self.died_of_utterance = self._working
            if self._working is None:
                self.died_of_bundle = self._oldest_bundle()
            self.lost.set()
            self._fail_waiting()

    def _take(self, answer: Answer) -> None:
        waiting = self._waiting.pop(answer.session)
        _, future = waiting.popleft()
        if waiting:
            self._waiting[answer.session] = waiting
        if not future.done():
            future.set_result(answer)

    def _oldest_bundle(self) -> int | None:
        oldest = next(iter(self._waiting.values()), None)
        request = oldest[0][0] if oldest else None
        return request.sequence if isinstance(request, HearBundle) else None

    async def _end_when_it_hangs(self, hangs_after: float) -> None:
        while True:
            await asyncio.sleep(hangs_after / 10)
            if self._waiting and time.monotonic() - self._news_at > hangs_after:
                _log.error("recognition worker %d hangs", self.pid, extra={"on": self._working})
                self._process.kill()
                return

    def _fail_waiting(self) -> None:
        waiting = [future for queue in self._waiting.values() for _, future in queue]
        self._waiting.clear()
        for future in waiting:
            if not future.done():
                future.set_exception(WorkerLost(f"worker {self.pid} died"))
                future.exception()

    async def stop(self) -> None:
        """Close its socket, which ends it; kill it if that takes more than a second."""
        tasks = [self._reader, *([self._watch] if self._watch is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._input.close()
        try:
            await asyncio.to_thread(self._process.wait, 1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)


class _Slot:
    """Where one worker runs, and its successor when it dies."""

    def __init__(self) -> None:
        self.process: _Process | None = None
        self.sessions = 0


class _Strikes:
    """What workers did not survive, by the sequences of bundles."""

    def __init__(self) -> None:
        self._bundles: collections.Counter[int] = collections.Counter()
        self._utterances: collections.Counter[int] = collections.Counter()

    def count(self, dead: _Process) -> None:
        """Blame what a worker died of."""
        if dead.died_of_bundle is not None:
            self._bundles[dead.died_of_bundle] += 1
        if dead.died_of_utterance is not None:
            self._utterances[dead.died_of_utterance] += 1

    def refuse(self, sequence: int) -> None:
        """Raise BadBundle for a bundle that has had its chances."""
        if self._bundles[sequence] >= _STRIKES:
            raise BadBundle(f"{self._bundles[sequence]} recognition workers died of it")

    @property
    def given_up(self) -> tuple[int, ...]:
        """Utterances that have had their chances."""
        return tuple(sequence for sequence, strikes in self._utterances.items() if strikes >= _STRIKES)


class WorkerPool:
    """A fixed number of recognition processes, which are started again when they die.

    `run` is a task for the life of the service and starts them, one after the other; only `session` waits for that.
    Leaving the context ends them.
    """

    def __init__(
        self,
        count: int,
        engine: str,
        model: Path | None,
        var: Path,
        live: int,
        tuning: Tuning,
        *,
        hangs_after: float = HANGS_AFTER,
    ) -> None:
        """`count` processes that load the engine's model from a folder (None: its own), each for `live` speakers.

        `var` is where the engine keeps what it makes of its model.
        """
        self._start = Start(engine, None if model is None else str(model), str(var), live, tuning)
        self._hangs_after = hangs_after
        self._slots = [_Slot() for _ in range(count)]
        self._starting = asyncio.Semaphore(1)
        self._running = asyncio.Event()
        self._strikes = _Strikes()
        self._last_session = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(slot.process.stop() for slot in self._slots if slot.process is not None))

    async def try_model(self) -> None:
        """Start the first of them. Raises ModelError when the model cannot be loaded."""
        try:
            self._slots[0].process = await self._new()
        except WorkerLost as error:
            _log.error("a recognition worker does not start", extra={"why": str(error)})

    async def run(self) -> None:
        """Keep them running. Raises ModelError when the model cannot be loaded."""
        await asyncio.gather(*(self._keep(slot) for slot in self._slots))

    async def _keep(self, slot: _Slot) -> None:
        pause = _PAUSE_FIRST
        while True:
            try:
                slot.process = slot.process or await self._new()
            except WorkerLost as error:
                _log.error("a recognition worker does not start", extra={"why": str(error)})
                await asyncio.sleep(pause)
                pause = min(pause * 2, _PAUSE_LAST)
                continue
            pause = _PAUSE_FIRST
            self._running.set()
            await slot.process.lost.wait()
            DIED.inc()
            dead, slot.process = slot.process, None
            _log.error("recognition worker %d died", dead.pid)
            self._strikes.count(dead)
            if not self.pids:
                self._running.clear()
            await dead.stop()

    async def _new(self) -> _Process:
        async with self._starting:
            return await _Process.start(self._start, self._hangs_after)

    @property
    def pids(self) -> list[int]:
        """Of the workers that run now."""
        return [slot.process.pid for slot in self._slots if slot.process is not None]

    async def session(self, show: Callable[[PartialResult], None]) -> WorkerSession:
        """A new session, in the worker that has fewest; waits while none runs.

        `show` is called with every partial result, as soon as it is known, until the session is closed.
        """
        while not (running := [slot for slot in self._slots if slot.process is not None]):
            self._running.clear()
            await self._running.wait()
        slot = min(running, key=lambda s: s.sessions)
        assert slot.process is not None
        self._last_session += 1
        slot.process.shows[self._last_session] = show
        return WorkerSession(self._last_session, slot, slot.process, self._strikes)


class WorkerSession:
    """One speaker's session in a worker. Lost for good when the worker dies."""

    def __init__(self, number: int, slot: _Slot, process: _Process, strikes: _Strikes) -> None:
        self._number = number
        self._slot = slot
        self._process = process
        self._strikes = strikes
        slot.sessions += 1

    async def feed(self, sequence: int, body: bytes, lang: str = "en", vocabulary: str = "") -> Results:
        """One captured message, and what is known of the words in it. Raises BadBundle, WorkerLost."""
        self._strikes.refuse(sequence)
        return await self._process.ask(
            HearBundle(self._number, sequence, body, lang, vocabulary, self._strikes.given_up)
        )

    async def flush(self, sequence: int) -> Results:
        """End the utterance. Raises WorkerLost."""
        return await self._process.ask(Flush(self._number, sequence, self._strikes.given_up))

    def close(self) -> None:
        """Give up the session and the memory it takes."""
        self._slot.sessions -= 1
        self._process.shows.pop(self._number, None)
        self._process.tell(Close(self._number))
