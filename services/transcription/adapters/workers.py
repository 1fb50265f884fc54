"""The recognition processes, seen from the service."""

from __future__ import annotations

import asyncio
import collections
import logging
import os
import socket
import subprocess
import sys
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
from prometheus_client import Counter

from services.transcription.adapters.messages import (
    LARGEST,
    PREFIX,
    Answer,
    Bad,
    Feed,
    Flush,
    Forget,
    Heard,
    Request,
    Start,
    Tuning,
    answer_of,
    frame,
)

_log = logging.getLogger(__name__)
DIED: Final = Counter("rostrum_transcription_workers_died_total", "Recognition processes that died")
_START_WITHIN: Final = 30.0
_PAUSE_FIRST: Final = 0.1
_PAUSE_LAST: Final = 10.0
_STRIKES: Final = 2
"""How many workers a bundle may take down before it is not tried again."""


class BadBundle(Exception):
    """A captured message that is no bundle, or that the recogniser does not survive."""


class WorkerLost(Exception):
    """A worker died; what it knew must be heard again."""


class CannotRecognise(Exception):
    """The model cannot be loaded; the text says why."""


class _Process:
    """One worker process, on a socket pair. Answers come in the order of the requests."""

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._input = writer
        self._waiting: deque[tuple[Request, asyncio.Future[Answer]]] = deque()
        self.lost = asyncio.Event()
        self.died_of: Request | None = None
        """What it worked on when it was lost."""
        self._reader = asyncio.create_task(self._read(reader), name=f"worker {process.pid}")

    @classmethod
    async def start(cls, start: Start) -> Self:
        """Raises CannotRecognise, WorkerLost."""
        ours, theirs = socket.socketpair()
        with theirs:
            # Not the loop's own: uvloop forks with all our threads' locks held, and the child waited for one for ever.
            process = subprocess.Popen(  # noqa: ASYNC220 (it returns when the program is loaded: milliseconds)
                [sys.executable, "-m", "services.transcription.adapters.worker"],
                stdin=theirs.fileno(), stdout=theirs.fileno(),
                # It needs no secret of ours, only what we can import.
                env={"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
            )  # fmt: skip
        worker = cls(process, *await asyncio.open_connection(sock=ours))
        try:
            async with asyncio.timeout(_START_WITHIN):
                await worker.ask(start)
        except BadBundle as error:
            await worker.stop()
            which = "of pocketsphinx itself" if start.model is None else f"in {start.model}"
            raise CannotRecognise(f"the speech model {which} cannot be loaded: {error}") from error
        except TimeoutError:
            await worker.stop()
            raise WorkerLost(f"it does not load its model within {_START_WITHIN:.0f} s") from None
        except (WorkerLost, asyncio.CancelledError):
            await worker.stop()
            raise
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, request: Request) -> Heard:
        """Raises BadBundle, WorkerLost."""
        answer = await self.tell(request)
        if isinstance(answer, Bad):
            raise BadBundle(answer.reason)
        return answer

    def tell(self, request: Request) -> asyncio.Future[Answer]:
        """Send it; the answer comes in the future. What is under way is bounded by who asks: one request per ear."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self.lost.is_set():
            future.set_exception(WorkerLost(f"worker {self.pid} is gone"))
            future.exception()  # seen, where nobody waits for it
            return future
        self._waiting.append((request, future))
        # A worker that is gone is noticed by the reader; then what waits fails.
        self._input.write(frame(request))
        return future

    async def _read(self, answers: asyncio.StreamReader) -> None:
        try:
            while True:
                length = int.from_bytes(await answers.readexactly(PREFIX), "little")
                if length > LARGEST:
                    raise ValueError(f"an answer of {length} bytes")
                answer = answer_of(await answers.readexactly(length))
                _, future = self._waiting.popleft()
                if not future.done():
                    future.set_result(answer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        except (ValueError, msgspec.MsgspecError):
            _log.exception("worker %d does not make sense", self.pid)
            self._process.kill()
        finally:
            self.died_of = self._waiting[0][0] if self._waiting else None
            self.lost.set()
            self._fail_waiting()

    def _fail_waiting(self) -> None:
        while self._waiting:
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(WorkerLost(f"worker {self.pid} died"))
                future.exception()

    async def stop(self) -> None:
        """Close its socket, which ends it; kill it if that takes more than a second."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
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
        self.ears = 0


class Workers:
    """A fixed number of recognition processes, which are started again when they die.

    `run` is a task for the life of the service and starts them, one after the other: nobody waits for that but who
    wants an ear. Leaving the context ends them.
    """

    def __init__(self, count: int, decoders: int, model: Path | None, tuning: Tuning) -> None:
        """`count` processes, each with `decoders` decoders, which is how many people it follows live at once."""
        self._start = Start(decoders, None if model is None else str(model), tuning)
        self._slots = [_Slot() for _ in range(count)]
        self._starting = asyncio.Semaphore(1)
        self._running = asyncio.Event()
        self._strikes: collections.Counter[int] = collections.Counter()
        self._next_ear = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(slot.process.stop() for slot in self._slots if slot.process is not None))

    async def run(self) -> None:
        """Keep them running. Raises CannotRecognise when the model cannot be loaded."""
        await asyncio.gather(*(self._keep(slot) for slot in self._slots))

    async def _keep(self, slot: _Slot) -> None:
        pause = _PAUSE_FIRST
        while True:
            try:
                slot.process = await self._new()
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
            if isinstance(dead.died_of, Feed):
                self._strikes[dead.died_of.sequence] += 1
            if not self.pids:
                self._running.clear()
            await dead.stop()

    async def _new(self) -> _Process:
        async with self._starting:
            return await _Process.start(self._start)

    @property
    def pids(self) -> list[int]:
        """Of the workers that run now."""
        return [slot.process.pid for slot in self._slots if slot.process is not None]

    async def ear(self) -> EarOf:
        """A new ear, in the worker that has fewest; waits while none runs."""
        while not (running := [slot for slot in self._slots if slot.process is not None]):
            self._running.clear()
            await self._running.wait()
        slot = min(running, key=lambda s: s.ears)
        assert slot.process is not None
        self._next_ear += 1
        return EarOf(self._next_ear, slot, slot.process, self._strikes)


class EarOf:
    """One session's ear in a worker. Lost for good when the worker dies."""

    def __init__(self, number: int, slot: _Slot, process: _Process, strikes: collections.Counter[int]) -> None:
        self._number = number
        self._slot = slot
        self._process = process
        self._strikes = strikes
        slot.ears += 1

    async def hear(self, sequence: int, body: bytes) -> Heard:
        """One captured message. Raises BadBundle, WorkerLost."""
        if self._strikes[sequence] >= _STRIKES:
            raise BadBundle(f"{self._strikes[sequence]} recognition workers died of it")
        return await self._process.ask(Feed(self._number, sequence, body))

    async def flush(self, sequence: int) -> Heard:
        """End what is being said. Raises WorkerLost."""
        return await self._process.ask(Flush(self._number, sequence))

    def close(self) -> None:
        """Give up the ear and the memory it takes."""
        self._slot.ears -= 1
        self._process.tell(Forget(self._number))
