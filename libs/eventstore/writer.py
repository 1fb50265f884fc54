"""One thread that writes: what waits is committed together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from eventsourcing.persistence import IntegrityError, PersistenceError

from libs.eventstore.facts import Fact, Notification, Record
from libs.eventstore.recorder import CommandRepeated, Recorder, Write
from libs.telemetry import STORE_COMMITS, STORE_EVENTS

LARGEST_GROUP: Final = 512

T = TypeVar("T")


class Broken(PersistenceError):
    """It was decided on a state that was not committed after all."""


class Commit(asyncio.Future[None]):
    """Done when what was submitted is on disk. Who waits for it cannot take it back: a cancellation waits, too."""

    __slots__ = ()

    def cancel(self, msg: Any = None) -> bool:
        return False


@dataclass(slots=True, eq=False)
class Lineage:
    """The chain of decisions taken on one state in memory. When one is not committed, none after it may be."""

    broken: bool = False
    waiting: int = 0
    """Decisions that are not committed yet."""
    last: Commit | None = None
    """Of the newest decision."""


class PendingWrite(msgspec.Struct, eq=False):
    """A write that waits for its commit."""

    write: Write
    records: Sequence[Record[Fact]]
    """What the write's facts were encoded from."""
    lineage: Lineage
    commit: Commit
    last: int = 0
    """Notification id of its last fact, 0 until that is committed."""

    def notifications(self) -> list[Notification]:
        """Its facts at their place in the store; none before they are committed."""
        if not self.last:
            return []
        id, told = self.last - len(self.records), []
        for (aggregate, version, _, _), record in zip(self.write.facts, self.records, strict=True):
            id += 1
            told.append(Notification(id, aggregate, version, record))
        return told


@dataclass(slots=True, eq=False)
class _Work:
    """Something else that is done by the thread."""

    call: Callable[[], Any]
    done: asyncio.Future[Any]

    def end(self, result: Any, error: Exception | None) -> None:
        if self.done.cancelled():
            return
        if error is not None:
            self.done.set_exception(error)
        else:
            self.done.set_result(result)


class GroupWriter:
    """Commits jobs in the order they were submitted, many in one transaction.

    When a group is refused by the database, or cannot be given to it, each of its jobs is tried alone, so that only the
    guilty one fails, and with it those that were decided on its result. `ended` is called in the loop with each group,
    before its commits are done.
    """

    def __init__(
        self, recorder: Recorder, loop: asyncio.AbstractEventLoop, ended: Callable[[Sequence[PendingWrite]], None]
    ) -> None:
        self._recorder = recorder
        self._loop = loop
        self._ended = ended
        self._decided: list[PendingWrite] = []
        """In this turn of the loop."""
        self._queue: queue.SimpleQueue[list[PendingWrite] | _Work | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="event store writer", daemon=True)
        self._thread.start()

    def submit(self, job: PendingWrite) -> None:
        """Write it; `job.commit` tells when it is on disk."""
        job.lineage.waiting += 1
        job.lineage.last = job.commit
        if not self._decided:
            self._loop.call_soon(self._hand_over)
        self._decided.append(job)

    async def run(self, call: Callable[[], T]) -> T:
        """Call it in the thread, when everything is committed that was submitted before, and nothing that is later.

        What it raises is raised. The next commits wait for it.
        """
        self._hand_over()
        work = _Work(call, self._loop.create_future())
        self._queue.put(work)
        result: T = await work.done
        return result

    async def close(self) -> None:
        """Write what waits, then end the thread."""
        self._hand_over()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self) -> None:
        # All that one turn of the loop has decided together: the thread is woken once, not to fight for the interpreter
        # while there is more to come.
        jobs, self._decided = self._decided, []  # empty where `run` was quicker
        for start in range(0, len(jobs), LARGEST_GROUP):
            self._queue.put(jobs[start : start + LARGEST_GROUP])

    def _run(self) -> None:
        after: list[PendingWrite] | _Work | None = []
        while True:
            group = after or self._queue.get()
            after = []
            if group is None:
                return
            if isinstance(group, _Work):
                self._do(group)
                continue
            while len(group) < LARGEST_GROUP:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if not isinstance(more, list):
                    after = more
                    break
                group += more
            outcomes = self._commit(group)
            self._loop.call_soon_threadsafe(self._tell, group, outcomes)
            if after is None:
                return

    def _do(self, work: _Work) -> None:
        result, error = None, None
        try:
            result = work.call()
        except Exception as raised:  # noqa: BLE001  (told to whoever wants it done; this thread must not end for it)
            error = raised
        self._loop.call_soon_threadsafe(work.end, result, error)

    def _commit(
        self, group: list[PendingWrite], repeated: Set[tuple[str, str]] | None = None
    ) -> list[Exception | None]:
        """`repeated` are the commands of the group that were accepted before, where that was looked up: seldom is there
        any, and then the database refuses the group."""
        outcomes: dict[PendingWrite, Exception | None] = {}
        sound: list[PendingWrite] = []
        for job in group:
            row = job.write.command
            if job.lineage.broken:
                outcomes[job] = Broken()
            elif repeated and row is not None and (row.scope, row.command_id) in repeated:
                job.lineage.broken = True
                outcomes[job] = CommandRepeated(row.command_id)
            else:
                sound.append(job)
        try:
            if sound:
                self._write(sound)
        except IntegrityError as error:
            if repeated is None and isinstance(error, CommandRepeated):
                return self._without_repeated(group)
            for job in sound:
                outcomes[job] = self._alone(job)
        except PersistenceError as error:
            outcomes.update(zip(sound, self._all_failed(sound, error), strict=True))
        except Exception:  # noqa: BLE001  (told to whoever it is of; this thread must not end for it)
            for job in sound:
                outcomes[job] = self._alone(job)
        return [outcomes.get(job) for job in group]

    def _without_repeated(self, group: list[PendingWrite]) -> list[Exception | None]:
        try:
            keys = [(row.scope, row.command_id) for job in group if (row := job.write.command) is not None]
            repeated = self._recorder.repeated(keys)
        except Exception as error:  # noqa: BLE001  (as in `_commit`)
            return self._all_failed(group, error)
        return self._commit(group, repeated)

    def _alone(self, job: PendingWrite) -> Exception | None:
        if job.lineage.broken:
            return Broken()
        try:
            self._write([job])
        except Exception as error:  # noqa: BLE001  (as in `_commit`)
            job.lineage.broken = True
            return error
        return None

    def _all_failed(self, jobs: list[PendingWrite], error: Exception) -> list[Exception | None]:
        for job in jobs:
            job.lineage.broken = True
        return [error] * len(jobs)

    def _write(self, jobs: list[PendingWrite]) -> None:
        try:
            last = self._recorder.write([job.write for job in jobs])
        except PersistenceError as error:
            STORE_COMMITS.labels(type(error).__name__).inc()
            raise
        written = 0
        for job in reversed(jobs):
            if job.records:
                job.last = last - written
                written += len(job.records)
        STORE_COMMITS.labels("committed").inc()
        STORE_EVENTS.inc(written)

    def _tell(self, group: list[PendingWrite], outcomes: list[Exception | None]) -> None:
        self._ended(group)
        for job, outcome in zip(group, outcomes, strict=True):
            job.lineage.waiting -= 1
            if outcome is None:
                job.commit.set_result(None)
            else:
                job.commit.set_exception(outcome)
