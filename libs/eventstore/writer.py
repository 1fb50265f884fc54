"""One thread that writes: what waits is committed together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from eventsourcing.persistence import IntegrityError, PersistenceError

from libs.eventstore.recorder import SqliteRecorder, Write
from libs.telemetry import STORE_COMMITS, STORE_EVENTS

LARGEST_GROUP: Final = 512


class Broken(PersistenceError):
    """It was decided on a state that was not committed after all."""


@dataclass(slots=True, eq=False)
class Lineage:
    """The chain of decisions taken on one cached state. When one is not committed, none after it may be."""

    broken: bool = False


@dataclass(slots=True, eq=False)
class Job:
    """A write that waits for its commit."""

    write: Write
    lineage: Lineage
    done: asyncio.Future[None] = field(repr=False)


class GroupWriter:
    """Commits jobs in the order they were submitted, many in one transaction.

    When a group is refused by the database, each of its jobs is tried alone, so that only the guilty one fails, and
    with it those that were decided on its result. `committed` is called in the loop after every group.
    """

    def __init__(
        self, recorder: SqliteRecorder, loop: asyncio.AbstractEventLoop, committed: Callable[[], None]
    ) -> None:
        self._recorder = recorder
        self._loop = loop
        self._committed = committed
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="event store writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Write it; `job.done` tells when it is on disk."""
        self._queue.put(job)

    async def close(self) -> None:
        """Write what waits, then end the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while True:
            job = self._queue.get()
            if job is None:
                return
            group = [job]
            last = False
            while len(group) < LARGEST_GROUP:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    last = True
                    break
                group.append(more)
            outcomes = self._commit(group)
            self._loop.call_soon_threadsafe(self._tell, group, outcomes)
            if last:
                return

    def _commit(self, group: list[Job]) -> list[Exception | None]:
        sound = [job for job in group if not job.lineage.broken]
        try:
            if sound:
                self._write(sound)
            return [None if not job.lineage.broken else Broken() for job in group]
        except IntegrityError as error:
            if len(group) == 1:
                group[0].lineage.broken = True
                return [error]
        except PersistenceError as error:
            for job in sound:
                job.lineage.broken = True
            return [error] * len(group)
        outcomes: list[Exception | None] = []
        for job in group:
            if job.lineage.broken:
                outcomes.append(Broken())
                continue
            try:
                self._write([job])
                outcomes.append(None)
            except PersistenceError as error:
                job.lineage.broken = True
                outcomes.append(error)
        return outcomes

    def _write(self, jobs: list[Job]) -> None:
        try:
            self._recorder.write([job.write for job in jobs])
        except PersistenceError as error:
            STORE_COMMITS.labels(type(error).__name__).inc()
            raise
        STORE_COMMITS.labels("committed").inc()
        STORE_EVENTS.inc(sum(len(job.write.events) for job in jobs))

    def _tell(self, group: list[Job], outcomes: list[Exception | None]) -> None:
        for job, outcome in zip(group, outcomes, strict=True):
            if job.done.done():
                continue
            if outcome is None:
                job.done.set_result(None)
            else:
                job.done.set_exception(outcome)
        self._committed()
