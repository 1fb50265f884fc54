"""The file of a read model."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Final, Self

_log = logging.getLogger(__name__)

_PLACE: Final = """
CREATE TABLE IF NOT EXISTS place (
    one INTEGER PRIMARY KEY CHECK (one = 1), schema TEXT NOT NULL, epoch TEXT, sequence INTEGER NOT NULL
)
"""


class ModelFile:
    """An SQLite file with the tables of `schema` and the place up to which they are filled.

    Open while its context is. For one thread: reading and applying are short and happen on the event loop.
    """

    schema: ClassVar[str]
    """SQL that makes the tables in an empty file. When it changes, the file is filled anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.epoch: str | None = None
        """The source that `sequence` belongs to; None before the first fact of all."""
        self.sequence = 0
        """Everything up to here is applied."""
        self.db: sqlite3.Connection
        self._version = hashlib.sha256(self.schema.encode()).hexdigest()[:16]

    async def __aenter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if not self._open():
                self.clear()
        except sqlite3.DatabaseError as error:
            _log.warning("%s cannot be read and is filled anew", self.path.name, extra={"why": str(error)})
            self.clear()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.db.close()

    def _open(self) -> bool:
        """Open the file as it is; whether its tables are those of this schema."""
        self.db = sqlite3.connect(self.path, isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        # The source is the truth: a power cut may cost the last commits, and they are read again.
        self.db.execute("PRAGMA synchronous = NORMAL")
        self.db.execute(_PLACE)
        row = self.db.execute("SELECT schema, epoch, sequence FROM place").fetchone()
        if row is None or row[0] != self._version:
            return False
        self.epoch, self.sequence = row[1], row[2]
        return True

    def clear(self) -> None:
        """Start over with an empty file."""
        self.db.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self._open()
        with self.transaction():
            for statement in self.schema.split(";"):
                if statement.strip():
                    self.db.execute(statement)
            self.db.execute("INSERT INTO place VALUES (1, ?, NULL, 0)", (self._version,))
        self.epoch, self.sequence = None, 0

    def _move_to(self, epoch: str | None, sequence: int) -> None:
        """Remember the place; inside the transaction of what was applied."""
        self.db.execute("UPDATE place SET epoch = ?, sequence = ?", (epoch, sequence))

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
