"""The recognition processes, seen from the service."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections import Counter, deque
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

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
_START_WITHIN: Final = 30.0
_STRIKES: Final = 2
"""How many workers a bundle may take down before it is not tried again."""


class BadBundle(Exception):
    """A captured message that is no bundle, or that the recogniser does not survive."""


class WorkerLost(Exception):
    """A worker died; what it knew must be heard again."""


class CannotRecognise(Exception):
    """The model cannot be loaded; the text says why."""


class _Process:
    """One worker process. Answers come in the order of the requests."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._waiting: deque[tuple[Request, asyncio.Future[Answer]]] = deque()
        self.lost = asyncio.Event()
        self._reader = asyncio.create_task(self._read(), name=f"worker {process.pid}")

    @classmethod
    async def start(cls, start: Start) -> Self:
        """Raises CannotRecognise."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.transcription.adapters.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            # It needs no secret of ours, only what we can import.
            env={"PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)},
        )  # fmt: skip
        worker = cls(process)
        try:
            async with asyncio.timeout(_START_WITHIN):
                await worker.ask(start)
        except BadBundle as error:
            await worker.stop()
            raise CannotRecognise(f"the speech model cannot be loaded: {error}") from error
        except (TimeoutError, WorkerLost) as error:
            await worker.stop()
            raise CannotRecognise("the recogniser's process does not start") from error
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def busy_with(self) -> Request | None:
        """What it works on now."""
        return self._waiting[0][0] if self._waiting else None

    async def ask(self, request: Request) -> Heard:
        """Raises BadBundle, WorkerLost."""
        answer = await self.tell(request)
        if isinstance(answer, Bad):
            raise BadBundle(answer.reason)
        return answer

    def tell(self, request: Request) -> asyncio.Future[Answer]:
        """Send it; the answer comes in the future. What is under way is bounded by who asks: one request per ear."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if self.lost.is_set() or self._process.stdin is None:
            future.set_exception(WorkerLost(f"worker {self.pid} is gone"))
            future.exception()  # seen, where nobody waits for it
            return future
        self._waiting.append((request, future))
        # A pipe that is broken is noticed by the reader, which fails what waits.
        self._process.stdin.write(frame(request))
        return future

    async def _read(self) -> None:
        assert self._process.stdout is not None
        stdout = self._process.stdout
        try:
            while True:
                length = int.from_bytes(await stdout.readexactly(PREFIX), "little")
                if length > LARGEST:
                    raise ValueError(f"an answer of {length} bytes")
                answer = answer_of(await stdout.readexactly(length))
                _, future = self._waiting.popleft()
                if not future.done():
                    future.set_result(answer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        except (ValueError, msgspec.MsgspecError):
            _log.exception("worker %d does not make sense", self.pid)
            self._kill()
        finally:
            self.lost.set()

    def fail_waiting(self) -> None:
        """Tell everybody who waits that it is gone."""
        while self._waiting:
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(WorkerLost(f"worker {self.pid} died"))
                future.exception()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> None:
        """Close its input, which ends it; kill it if that takes more than a second."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(1.0):
                await self._process.wait()
        except TimeoutError:
            self._kill()
            await self._process.wait()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self.lost.set()
        self.fail_waiting()


class _Slot:
    """Where one worker runs, and its successor when it dies."""

    def __init__(self) -> None:
        self.process: _Process | None = None
        self.ears = 0


class Workers:
    """A fixed number of recognition processes, which are started again when they die.

    Entering the context starts them and loads their models.
    """

    def __init__(self, count: int, decoders: int, model: Path | None, tuning: Tuning) -> None:
        """`count` processes, each with `decoders` decoders, which is how many people they follow live at once."""
        self._start = Start(decoders, None if model is None else str(model), tuning)
        self._slots = [_Slot() for _ in range(count)]
        self._keepers: list[asyncio.Task[None]] = []
        self._strikes: Counter[int] = Counter()
        self._next_ear = 0
        self.died = 0
        """How many workers died so far."""

    async def __aenter__(self) -> Self:
        """Raises CannotRecognise."""
        started = await asyncio.gather(*(_Process.start(self._start) for _ in self._slots), return_exceptions=True)
        failed = next((outcome for outcome in started if isinstance(outcome, BaseException)), None)
        for slot, outcome in zip(self._slots, started, strict=True):
            if isinstance(outcome, _Process):
                slot.process = outcome
        if failed is not None:
            await self._stop()
            raise failed
        self._keepers = [asyncio.create_task(self._keep(slot), name="keep a worker") for slot in self._slots]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await self._stop()

    async def _stop(self) -> None:
        await asyncio.gather(*(slot.process.stop() for slot in self._slots if slot.process is not None))

    async def _keep(self, slot: _Slot) -> None:
        pause = 0.1
        while True:
            if slot.process is not None:
                await slot.process.lost.wait()
                self.died += 1
                request = slot.process.busy_with
                if isinstance(request, Feed):
                    self._strikes[request.sequence] += 1
                _log.error("recognition worker %d died", slot.process.pid)
                dead, slot.process = slot.process, None
                await dead.stop()
            try:
                slot.process = await _Process.start(self._start)
                pause = 0.1
            except CannotRecognise as error:
                _log.error("a recognition worker cannot be started again", extra={"why": str(error)})
                await asyncio.sleep(pause)
                pause = min(pause * 2, 10.0)

    @property
    def pids(self) -> list[int]:
        """Of the workers that run now."""
        return [slot.process.pid for slot in self._slots if slot.process is not None]

    def lack(self) -> str | None:
        """For readiness: None when every worker runs."""
        missing = sum(slot.process is None for slot in self._slots)
        return f"{missing} of {len(self._slots)} recognition workers are starting" if missing else None

    def ear(self) -> EarOf:
        """A new ear, in the worker that has fewest. Raises WorkerLost while none runs."""
        running = [slot for slot in self._slots if slot.process is not None]
        if not running:
            raise WorkerLost("no recognition worker runs")
        slot = min(running, key=lambda s: s.ears)
        assert slot.process is not None
        self._next_ear += 1
        return EarOf(self._next_ear, slot, slot.process, self._strikes)


class EarOf:
    """One session's ear in a worker. Lost for good when the worker dies."""

    def __init__(self, number: int, slot: _Slot, process: _Process, strikes: Counter[int]) -> None:
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
