"""Where facts are kept by default: the library's SQLite recorder, command ids and claims in the same transaction."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from eventsourcing.persistence import IntegrityError, OperationalError, PersistenceError
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
)

from libs.eventstore.recorder import NEWEST, CommandRepeated, CommandRow, FactRow, NameTaken, Rewritten, Write

_CLOSE_SECONDS: Final = 10.0
_ROWS: Final = 1_000
"""In one statement, which may have 32,766 values (https://sqlite.org/limits.html)."""


@lru_cache(maxsize=2_048)
def _values(columns: int, rows: int) -> str:
    return ",".join([f"({','.join('?' * columns)})"] * rows)


def _insert(cursor: SQLiteCursor, into: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows, as many as go with one statement.

    `executemany` is a call into SQLite for each row, and each one lets go of the interpreter's lock and has to wait
    for it again, which takes longer than to prepare a statement for just so many rows.
    """
    for start in range(0, len(rows), _ROWS):
        chunk = rows[start : start + _ROWS]
        values = [value for row in chunk for value in row]
        cursor.execute(f"{into} VALUES {_values(len(chunk[0]), len(chunk))}", values)


def looking_for(keys: int) -> str:
    """The query for so many commands, each found by the table's index.

    Joined from the keys' side: for `(scope, command_id) IN (VALUES ...)` SQLite reads the whole table.
    """
    values = ",".join(["(?,?)"] * keys)
    return (
        f"SELECT c.scope, c.command_id FROM (VALUES {values}) AS asked "
        "CROSS JOIN commands AS c ON c.scope = asked.column1 AND c.command_id = asked.column2"
    )


def _changes(cursor: SQLiteCursor) -> int:
    """Rows that its connection has ever changed."""
    cursor.execute("SELECT total_changes()")
    return int(cursor.fetchone()[0])


class _Pool(SQLiteConnectionPool):
    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        cursor = connection.cursor()
        # A commit is on disk when it returns; this is what makes an answer a promise.
        cursor.execute("PRAGMA synchronous=FULL")
        # Names are deleted, and facts of earlier versions rewritten; nothing of what stood there is to be found.
        cursor.execute("PRAGMA secure_delete=ON")
        return connection

    def close(self) -> None:
        """Close all connections, once no thread reads with one any more."""
        # A thread reads on for a task that was cancelled, and a connection closed under it crashes the process.
        with self._put_condition:
            self._put_condition.wait_for(lambda: not self._in_use, _CLOSE_SECONDS)
            super().close()


class SqliteRecorder(SQLiteApplicationRecorder):
    """Facts, command ids and claims in one SQLite file (WAL, synchronous=FULL)."""

    def __init__(self, path: Path, *, read_only: bool = False, lock_timeout: int = 2) -> None:
        """Opens or creates the file. Raises OSError, with the path, where that is not possible."""
        if read_only and not path.exists():
            raise FileNotFoundError(f"there is no event store at {path}")
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        name = f"file:{path}?mode=ro" if read_only else str(path)
        datastore = SQLiteDatastore(name, lock_timeout=lock_timeout, originator_id_type="text")
        datastore.pool.close()
        datastore.pool = _Pool(db_name=name, lock_timeout=lock_timeout)
        super().__init__(datastore)
        self._lookup: sqlite3.Connection | None = None
        self._path = path
        self._lock_timeout = lock_timeout
        try:
            if not read_only:
                self.create_table()
                self._lookup = sqlite3.connect(path, check_same_thread=False, timeout=lock_timeout)
            else:
                self.max_notification_id()
        except (sqlite3.Error, PersistenceError) as error:
            self.close()
            raise OSError(f"the event store {path} cannot be opened: {error}") from error

    def construct_create_table_statements(self) -> list[str]:
        return [
            *super().construct_create_table_statements(),
            "CREATE TABLE IF NOT EXISTS commands (scope TEXT, command_id TEXT, digest TEXT, originator_id TEXT, "
            "version INTEGER, PRIMARY KEY (scope, command_id)) WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS claims (namespace TEXT, name TEXT, owner TEXT, "
            "PRIMARY KEY (namespace, name)) WITHOUT ROWID",
            "CREATE TABLE IF NOT EXISTS snapshots (originator_id TEXT PRIMARY KEY, version INTEGER, fingerprint TEXT, "
            "state BLOB)",
        ]

    def write(self, writes: Sequence[Write]) -> int:
        """Write all of it in one transaction, or nothing; the notification id of the last fact.

        Raises CommandRepeated, NameTaken, IntegrityError (a version exists already), OperationalError (disk full,
        locked).
        """
        facts = [fact for write in writes for fact in write.facts]
        try:
            with self.datastore.transaction(commit=True) as c:
                _insert(
                    c,
                    f"INSERT INTO {self.events_table_name} (originator_id, originator_version, topic, state)",
                    facts,
                )
                # Rows are never deleted, so that SQLite numbers them without gaps (https://sqlite.org/autoinc.html).
                last = int(c.lastrowid) if facts else 0
                _insert(
                    c,
                    "INSERT INTO commands",
                    [
                        (row.scope, row.command_id, row.digest, row.originator_id, row.version)
                        for write in writes
                        if (row := write.command) is not None
                    ],
                )
                for claim in (claim for write in writes for claim in write.claims):
                    if claim.owner is None:
                        c.execute("DELETE FROM claims WHERE namespace=? AND name=?", (claim.namespace, claim.name))
                    else:
                        c.execute("INSERT INTO claims VALUES (?,?,?)", (claim.namespace, claim.name, claim.owner))
                # In their order, so that the last one of an aggregate stays.
                _insert(
                    c,
                    "INSERT OR REPLACE INTO snapshots",
                    [
                        (kept.originator_id, kept.version, kept.fingerprint, kept.state)
                        for write in writes
                        if (kept := write.snapshot) is not None
                    ],
                )
        except IntegrityError as error:
            # SQLite names the table: "UNIQUE constraint failed: commands.scope, commands.command_id".
            text = str(error)
            if "commands." in text:
                raise CommandRepeated(text) from error
            if "claims." in text:
                raise NameTaken(text) from error
            raise
        return last

    def select_facts(self, originator_id: str, *, after: int = 0, to: int | None = None) -> Sequence[FactRow]:
        """The facts of an aggregate, by version; the library's own `select_events` makes an object of each first."""
        with self.datastore.transaction(commit=False) as c:
            c.execute(
                f"SELECT originator_version, topic, state FROM {self.events_table_name} WHERE originator_id=? "
                "AND originator_version>? AND originator_version<=? ORDER BY originator_version",
                (originator_id, after, NEWEST if to is None else to),
            )
            return [tuple(row) for row in c.fetchall()]

    def repeated(self, keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these commands, by (scope, command_id), were accepted before; at most some thousands at once."""
        if not keys:
            return set()
        with self.datastore.transaction(commit=False) as c:
            c.execute(looking_for(len(keys)), [part for key in keys for part in key])
            return {(row[0], row[1]) for row in c.fetchall()}

    def find_command(self, scope: str, command_id: str) -> CommandRow | None:
        """An accepted command."""
        with self.datastore.transaction(commit=False) as c:
            c.execute(
                "SELECT scope, command_id, digest, originator_id, version FROM commands WHERE scope=? AND command_id=?",
                (scope, command_id),
            )
            row = c.fetchone()
        return None if row is None else CommandRow(*row)

    def find_snapshot(self, originator_id: str, fingerprint: str) -> bytes | None:
        """The last state kept of an aggregate, where this code made it."""
        with self.datastore.transaction(commit=False) as c:
            c.execute(
                "SELECT state FROM snapshots WHERE originator_id=? AND fingerprint=?", (originator_id, fingerprint)
            )
            row = c.fetchone()
        return None if row is None else bytes(row[0])

    def find_claim(self, namespace: str, name: str) -> str | None:
        """Who holds a name; not from two threads at once."""
        assert self._lookup is not None
        row = self._lookup.execute(
            "SELECT owner FROM claims WHERE namespace=? AND name=?", (namespace, name)
        ).fetchone()
        return None if row is None else str(row[0])

    def find_names(self, namespace: str, owner: str) -> Sequence[str]:
        """The names that an aggregate holds; looks through all of them."""
        with self.datastore.transaction(commit=False) as c:
            c.execute("SELECT name FROM claims WHERE namespace=? AND owner=?", (namespace, owner))
            return [str(row[0]) for row in c.fetchall()]

    def rewrite(self, facts: Sequence[Rewritten]) -> int:
        with self.datastore.transaction(commit=True) as c:
            before = _changes(c)
            for id, version, read, written in facts:
                c.execute(
                    f"UPDATE {self.events_table_name} SET state=? WHERE originator_id=? AND originator_version=? "
                    "AND state=?",
                    (written, id, version, read),
                )
            return _changes(c) - before

    def drop_snapshots(self) -> None:
        with self.datastore.transaction(commit=True) as c:
            c.execute("DELETE FROM snapshots")

    def wipe(self) -> None:
        """Write the log, which has pages as they were, back into the file, and cut it to nothing."""
        with self._apart() as db:
            self._cut(db)

    def pack(self) -> None:
        """Copy the file anew, without the rows that were deleted and not overwritten, and cut the log."""
        with self._apart() as db:
            # Notification ids are row ids, which keep their values only where none is missing
            # (https://sqlite.org/lang_vacuum.html).
            last, rows = db.execute(
                f"SELECT coalesce(max(rowid), 0), count(*) FROM {self.events_table_name}"
            ).fetchone()
            if last == rows:
                db.execute("VACUUM")
            self._cut(db)

    @contextlib.contextmanager
    def _apart(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own."""
        try:
            with contextlib.closing(
                sqlite3.connect(self._path, timeout=self._lock_timeout, isolation_level=None)
            ) as db:
                db.execute("PRAGMA secure_delete=ON")
                yield db
        except sqlite3.Error as error:
            raise OperationalError(str(error)) from error

    def _cut(self, db: sqlite3.Connection) -> None:
        busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise OperationalError("somebody reads the event store, so that its log cannot be cut")

    def close(self) -> None:
        if self._lookup is not None:
            self._lookup.close()
            self._lookup = None
        self.datastore.close()
