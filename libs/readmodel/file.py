"""The file of a read model."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Self

_log = logging.getLogger(__name__)

_SUFFIXES: Final = ("", "-wal", "-shm")
_PLACE: Final = """
CREATE TABLE IF NOT EXISTS place (
    one INTEGER PRIMARY KEY CHECK (one = 1), schema TEXT NOT NULL, epoch TEXT, sequence INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS unknown (context TEXT, name TEXT, PRIMARY KEY (context, name)) WITHOUT ROWID
"""


_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_ASIDE: Final = ".damaged"
"""Appended to the name of a file that was set aside."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that the file does not hold what SQLite wrote: not that it is locked, or the disk full."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return False
    primary: int = code & 0xFF  # the rest says more about it (https://www.sqlite.org/rescode.html)
    return primary in _DAMAGE


class _Cursor(sqlite3.Cursor):
    """Tells its connection of damage, which may be met at any row."""

    connection: _Connection

    def execute(self, *arguments: Any) -> Self:
        try:
            return super().execute(*arguments)
        except sqlite3.DatabaseError as error:
            self.connection.tell(error)
            raise

    def executemany(self, *arguments: Any) -> Self:
        try:
            return super().executemany(*arguments)
        except sqlite3.DatabaseError as error:
            self.connection.tell(error)
            raise

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except sqlite3.DatabaseError as error:
            self.connection.tell(error)
            raise

    def fetchone(self) -> Any:
        return next(self, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        return list(itertools.islice(self, self.arraysize if size is None else size))

    def fetchall(self) -> list[Any]:
        return list(self)


class _Connection(sqlite3.Connection):
    """A connection that tells its read model of damage, whoever meets it."""

    on_damage: Callable[[sqlite3.Error], None]

    def cursor(self, *_: Any) -> _Cursor:  # type: ignore[override]
        return super().cursor(_Cursor)

    def execute(self, *arguments: Any) -> _Cursor:
        return self.cursor().execute(*arguments)  # sqlite3's own asks nobody for the cursor

    def executemany(self, *arguments: Any) -> _Cursor:
        return self.cursor().executemany(*arguments)

    def tell(self, error: sqlite3.Error) -> None:
        if is_damage(error):
            self.on_damage(error)


class ModelFile:
    """An SQLite file with the tables of `schema` and the place up to which they are filled.

    Open while its context is. For one thread: reading and applying are short and happen on the event loop. A file that
    is damaged is set aside, and another one filled.
    """

    schema: ClassVar[str]
    """SQL that makes the tables in an empty file. When it changes, the file is filled anew."""
    overwrites: ClassVar[bool] = False
    """Whether what is deleted is overwritten with zeros."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.epoch: str | None = None
        """The source that `sequence` belongs to; None before the first fact of all."""
        self.sequence = 0
        """Everything up to here is applied."""
        self.db: sqlite3.Connection
        self.damage: str | None = None
        """What was wrong with the file when it was last read; None while it is well."""
        self._version = hashlib.sha256(self._shape().encode()).hexdigest()[:16]

    def _shape(self) -> str:
        """When this is another one, the file is filled anew."""
        return self.schema

    async def __aenter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if not self._open():
                self.clear()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise OSError(f"{self.path} cannot be opened: {error}") from error
            self.set_aside()
        if self.overwrites:
            self.wipe()  # what a crash has left in the log
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.db.close()

    def _open(self) -> bool:
        """Open the file as it is; whether its tables are those of this schema."""
        self.db = connection = sqlite3.connect(self.path, isolation_level=None, factory=_Connection)
        connection.on_damage = self.met_damage
        self.db.execute("PRAGMA journal_mode = WAL")
        # The source is the truth: a power cut may cost the last commits, and they are read again.
        self.db.execute("PRAGMA synchronous = NORMAL")
        if self.overwrites:
            self.db.execute("PRAGMA secure_delete = ON")
        for table in _PLACE.split(";"):
            self.db.execute(table)
        row = self.db.execute("SELECT schema, epoch, sequence FROM place").fetchone()
        if row is None or row[0] != self._version:
            return False
        self.epoch, self.sequence = row[1], row[2]
        return True

    def clear(self) -> None:
        """Start over with an empty file."""
        self.db.close()
        for suffix in _SUFFIXES:
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self._fill_anew()

    def met_damage(self, error: sqlite3.Error) -> None:
        """Remember that the file is damaged."""
        if self.damage is None:
            self.damage = str(error)

    def set_aside(self) -> None:
        """Keep a damaged file under another name, for whoever wants to know why, and start over with an empty one."""
        aside = self.path.with_name(self.path.name + _ASIDE)
        _log.error("%s is damaged; it is kept as %s and filled anew", self.path, aside.name, extra={"why": self.damage})
        self.db.close()
        for suffix in _SUFFIXES:
            kept = aside.with_name(aside.name + suffix)
            kept.unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                self.path.with_name(self.path.name + suffix).rename(kept)
        self._fill_anew()

    def _fill_anew(self) -> None:
        self.damage = None
        self._open()
        with self.transaction():
            for statement in self.schema.split(";"):
                if statement.strip():
                    self.db.execute(statement)
            self.db.execute("INSERT INTO place VALUES (1, ?, NULL, 0)", (self._version,))
        self.epoch, self.sequence = None, 0

    def wipe(self) -> None:
        """Write the log, which has pages as they were, back into the file, and cut it to nothing."""
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _move_to(self, epoch: str | None, sequence: int) -> None:
        """Remember the place; inside the transaction of what was applied."""
        self.db.execute("UPDATE place SET epoch = ?, sequence = ?", (epoch, sequence))

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything in the block, or nothing."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:  # SQLite has ended it by itself where the disk is full
                self.db.execute("ROLLBACK")
            raise
