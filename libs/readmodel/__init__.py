"""A read model of contract events in an SQLite file that remembers its place in the stream.

Every event is applied once: what it changes and the place it came from are committed together. The file can be thrown
away at any time; it is, by itself, when the stream was rebuilt or the schema is another one, and fills again.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

import nats.errors
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from contracts import subjects
from libs.bus import Bus, Received, StreamReset

_log = logging.getLogger(__name__)

_PAUSE: Final = 0.2
_PLACE: Final = """
CREATE TABLE IF NOT EXISTS place (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    schema TEXT NOT NULL,
    epoch TEXT,
    sequence INTEGER NOT NULL
)
"""


class ReadModel(ABC):
    """Subclasses give a schema, the subjects they read, and `apply`.

    Use it as a context manager. Not for several threads: reading and applying are short and happen on the event loop.
    """

    schema: ClassVar[str]
    """SQL that makes the tables in an empty file. When it changes, the file is filled anew."""
    filters: ClassVar[Sequence[str]]
    """Subjects of `contracts.subjects` that do not overlap."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version = hashlib.sha256(self.schema.encode()).hexdigest()[:16]
        self._changed = asyncio.Event()
        self._target: int | None = None
        self.epoch: str | None = None
        """The stream that `sequence` belongs to; None before the first event of all."""
        self.sequence = 0
        """Everything up to here is applied."""
        self.on_applied: list[Callable[[Sequence[Received]], None]] = []
        """Called after a batch is committed; for those who watch."""
        self.db: sqlite3.Connection

    @abstractmethod
    def apply(self, received: Received) -> None:
        """Change the tables by one event, inside a transaction. Events come in stream order, each once."""

    # -- the file ----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            _log.warning("%s cannot be read and is filled anew", self._path.name, extra={"why": str(error)})
            self._remove()
            self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.db.close()

    def _open(self) -> None:
        self.db = sqlite3.connect(self._path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        # The stream is the truth: a power cut may cost the last commits, and they are read again.
        self.db.execute("PRAGMA synchronous = NORMAL")
        self.db.execute(_PLACE)
        row = self.db.execute("SELECT schema, epoch, sequence FROM place").fetchone()
        if row is None or row[0] != self._version:
            self.db.close()
            self._remove()
            self._create()
        else:
            self.epoch, self.sequence = row[1], row[2]

    def _create(self) -> None:
        self.db = sqlite3.connect(self._path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = NORMAL")
        with self.transaction():
            self.db.execute(_PLACE)
            for statement in self.schema.split(";"):
                if statement.strip():
                    self.db.execute(statement)
            self.db.execute("INSERT INTO place VALUES (1, ?, NULL, 0)", (self._version,))
        self.epoch, self.sequence = None, 0

    def _remove(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything in the block, or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    # -- the stream --------------------------------------------------------------------------------------------

    async def run(self, bus: Bus) -> None:
        """Follow the stream for ever; starts over when it was rebuilt."""
        while True:
            try:
                if self.epoch is None:
                    self.epoch = await bus.stream_epoch()
                self._target = max([await _last(bus, subject) for subject in self.filters], default=0)
                self._wake()
                async for batch in bus.follow(filters=self.filters, after=self.sequence, epoch=self.epoch):
                    self.take(batch, self.epoch)
            except StreamReset as reset:
                _log.warning("the stream was rebuilt; %s is filled anew", self._path.name)
                self.clear()
                self.epoch = reset.epoch
            except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
                if bus.nc.is_closed:
                    return
                _log.warning("the stream cannot be read yet, trying again", extra={"why": str(error)})
                await asyncio.sleep(_PAUSE)

    def take(self, batch: Sequence[Received], epoch: str) -> None:
        """Apply a batch of the stream `epoch`, leaving out what is applied already."""
        fresh = [received for received in batch if received.sequence > self.sequence]
        if not fresh:
            return
        sequence = fresh[-1].sequence
        with self.transaction():
            for received in fresh:
                self.apply(received)
            self.db.execute("UPDATE place SET epoch = ?, sequence = ?", (epoch, sequence))
        self.epoch, self.sequence = epoch, sequence
        for call in self.on_applied:
            call(fresh)
        self._wake()

    def clear(self) -> None:
        """Forget everything, the place in the stream included."""
        self.db.close()
        self._remove()
        self._create()
        self._target = None

    def lack(self) -> str | None:
        """What is missing until it has caught up with the stream as it was at the start; None when it has."""
        if self._target is None:
            return "waiting for the stream"
        left = self._target - self.sequence
        return f"{left} sequences behind the stream" if left > 0 else None

    async def until(self, true: Callable[[], bool], timeout: float) -> bool:
        """Wait until `true()` holds, looking again after each batch; whether it did within `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not true():
                    self._changed.clear()
                    await self._changed.wait()
                return True
        return true()

    def _wake(self) -> None:
        self._changed.set()


async def _last(bus: Bus, subject: str) -> int:
    """Sequence of the newest event on a subject pattern, 0 where there is none."""
    try:
        return (await bus.js.get_last_msg(subjects.EVENTS_STREAM, subject)).seq or 0
    except NotFoundError:
        return 0
