"""Keys and the ledger in SQLite files, each readable by its owner only.

`secure_delete` overwrites what is deleted with zeros, and the write-ahead log, which holds pages as they were, is cut
to nothing after each destruction and at each start. The ledger is one file without a log beside it, so that a copy of
the file is a copy of the ledger.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from libs.ids import new_id
from libs.keyring.rows import Entry, ErasureTarget, StoredKeys, StoreError, StoreState

_LOCK_SECONDS: Final = 5.0
_SUBJECT: Final = "*"
"""In the column of units: the subject itself. No unit is called so."""


def _connect(path: Path, journal: str) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its other files the mode of this one
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_LOCK_SECONDS)
    try:
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("PRAGMA synchronous = EXTRA")
    except BaseException:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {error}") from error


class _File:
    def __init__(self, path: Path, journal: str, tables: Sequence[str]) -> None:
        self._path = path
        with _told(path):
            self._db = _connect(path, journal)
            try:
                for statement in tables:
                    self._db.execute(statement)
            except BaseException:
                self._db.close()
                raise

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with _told(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with _told(self._path):
            return self._db.execute(query, values).fetchall()

    def close(self) -> None:
        self._db.close()


class SqliteLedger(_File):
    """The ledger in a file."""

    def __init__(self, path: Path) -> None:
        """Opens or creates it. Raises StoreError."""
        super().__init__(
            path,
            "DELETE",
            (
                "CREATE TABLE IF NOT EXISTS ledger (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL)",
                "CREATE TABLE IF NOT EXISTS entries (number INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, "
                "what TEXT NOT NULL, unit TEXT NOT NULL, UNIQUE (what, unit))",
            ),
        )
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO ledger VALUES (1, ?)", (new_id(),))
        ((self.id,),) = self._rows("SELECT id FROM ledger")

    def append(self, erased: Sequence[ErasureTarget], at: datetime) -> int:
        when = at.astimezone(UTC).isoformat()
        highest = 0
        with self._transaction() as db:
            for what, unit in erased:
                values = (what, _SUBJECT if unit is None else unit)
                row = db.execute("SELECT number FROM entries WHERE what = ? AND unit = ?", values).fetchone()
                if row is None:
                    added = "INSERT INTO entries (at, what, unit) VALUES (?, ?, ?) RETURNING number"
                    row = db.execute(added, (when, *values)).fetchone()
                highest = max(highest, row[0])
        return highest

    def after(self, number: int, limit: int) -> list[Entry]:
        rows = self._rows(
            "SELECT number, at, what, unit FROM entries WHERE number > ? ORDER BY number LIMIT ?", (number, limit)
        )
        return [
            Entry(row, datetime.fromisoformat(at), ErasureTarget(what, None if unit == _SUBJECT else unit))
            for row, at, what, unit in rows
        ]

    def last(self) -> int:
        ((number,),) = self._rows("SELECT coalesce(max(number), 0) FROM entries")
        return int(number)


class SqliteKeyRows(_File):
    """Wrapped secrets and nodes in a file."""

    def __init__(self, path: Path) -> None:
        """Opens or creates it, and wipes what a crash has left in the log. Raises StoreError."""
        super().__init__(
            path,
            "WAL",
            (
                "CREATE TABLE IF NOT EXISTS kept (one INTEGER PRIMARY KEY CHECK (one = 1), ledger TEXT NOT NULL, "
                "applied INTEGER NOT NULL, checked BLOB NOT NULL)",
                "CREATE TABLE IF NOT EXISTS subjects (name TEXT PRIMARY KEY, secret BLOB) WITHOUT ROWID",
                "CREATE TABLE IF NOT EXISTS locks (name TEXT PRIMARY KEY, first TEXT NOT NULL, second TEXT NOT NULL, "
                "nodes BLOB NOT NULL) WITHOUT ROWID",
                "CREATE INDEX IF NOT EXISTS locks_first ON locks (first)",
                "CREATE INDEX IF NOT EXISTS locks_second ON locks (second)",
            ),
        )
        self._unwiped = True
        self._wipe()

    def kept(self) -> StoreState | None:
        rows = self._rows("SELECT ledger, applied, checked FROM kept")
        return StoreState(*rows[0]) if rows else None

    def begin(self, ledger: str, check: bytes) -> None:
        with self._transaction() as db:
            db.execute("INSERT INTO kept VALUES (1, ?, 0, ?)", (ledger, check))

    def find(self, subjects: Sequence[str], locks: Sequence[str]) -> StoredKeys:
        if self._unwiped:
            self._wipe()
        with _told(self._path):
            self._db.execute("BEGIN")
            try:
                ((applied,),) = self._db.execute("SELECT applied FROM kept").fetchall()
                return StoredKeys(
                    applied,
                    dict(self._among("SELECT name, secret FROM subjects WHERE name IN", subjects)),
                    dict(self._among("SELECT name, nodes FROM locks WHERE name IN", locks)),
                )
            finally:
                self._db.execute("COMMIT")

    def _among(self, query: str, names: Sequence[str]) -> list[tuple[str, Any]]:
        return self._db.execute(f"{query} ({','.join('?' * len(names))})", names).fetchall()

    def add(self, subjects: Mapping[str, bytes], locks: Mapping[str, bytes]) -> None:
        with self._transaction() as db:
            for name, secret in subjects.items():
                db.execute("INSERT OR IGNORE INTO subjects VALUES (?, ?)", (name, secret))
            for name, nodes in locks.items():
                first, _, second = name.partition("|")
                db.execute("INSERT OR IGNORE INTO locks VALUES (?, ?, ?, ?)", (name, first, second, nodes))

    def apply(self, before: int, number: int, subjects: Sequence[str], locks: Mapping[str, bytes]) -> bool:
        with self._transaction() as db:
            self._unwiped = True
            moved = db.execute("UPDATE kept SET applied = ? WHERE applied = ?", (number, before))
            if moved.rowcount != 1:
                return False
            for name in subjects:
                db.execute("INSERT OR REPLACE INTO subjects VALUES (?, NULL)", (name,))
                db.execute("DELETE FROM locks WHERE first = ? OR second = ?", (name, name))
            for name, nodes in locks.items():
                first, _, second = name.partition("|")
                db.execute("INSERT OR REPLACE INTO locks VALUES (?, ?, ?, ?)", (name, first, second, nodes))
        self._wipe()
        return True

    def _wipe(self) -> None:
        """Write the log back into the file and cut it to nothing."""
        with _told(self._path):
            ((busy, _, _),) = self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            if busy:
                raise StoreError(f"{self._path}: somebody reads it, so that what was destroyed cannot be wiped yet")
        self._unwiped = False
