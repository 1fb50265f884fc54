"""Keys and the ledger in PostgreSQL, each in a schema of its own.

What a destruction replaces is vacuumed at once. PostgreSQL does not overwrite it: its bytes stay in the data files and
in the write-ahead log until the server reuses them, wrapped under the master key, which is not in the database.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import psycopg

from libs.database import Database
from libs.ids import new_id
from libs.keyring.rows import Entry, ErasureTarget, StoredKeys, StoreError, StoreState
from libs.postgres import Connection, connect, create_schema

_SUBJECT: Final = "*"
_STATEMENT_MS: Final = 2_000
"""How long a statement may take that gives keys: people answers nobody else meanwhile."""


class _Schema:
    """One connection to a schema, made again when it was lost. For one thread at a time."""

    def __init__(self, place: Database, tables: Sequence[str]) -> None:
        self._place = place
        self._connection: Connection | None = None
        try:
            with self._transaction() as db:
                db.execute("SET LOCAL statement_timeout = 0")
                create_schema(db, place)
                for statement in tables:
                    db.execute(statement.encode())
        except BaseException:
            self.close()
            raise

    def _open(self) -> Connection:
        if self._connection is not None and not self._connection.closed:
            try:
                self._connection.execute("SELECT 1")
                return self._connection
            except psycopg.OperationalError:
                self._connection.close()  # the server was restarted, maybe
        self._connection = connect(self._place, statement_timeout=f"{_STATEMENT_MS}ms")
        return self._connection

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._told():
            connection = self._open()
            with connection.transaction():
                yield connection

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise StoreError(f"{self._place}: {' '.join(str(error).split())}") from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


class PostgresLedger(_Schema):
    """The ledger in a schema."""

    def __init__(self, place: Database) -> None:
        """Opens or creates it. Raises StoreError."""
        super().__init__(
            place,
            (
                "CREATE TABLE IF NOT EXISTS ledger (one int PRIMARY KEY CHECK (one = 1), id text NOT NULL)",
                "CREATE TABLE IF NOT EXISTS entries (number bigint PRIMARY KEY, at timestamptz NOT NULL, "
                'what text COLLATE "C" NOT NULL, unit text COLLATE "C" NOT NULL, UNIQUE (what, unit))',
            ),
        )
        with self._transaction() as db:
            db.execute("INSERT INTO ledger VALUES (1, %s) ON CONFLICT DO NOTHING", (new_id(),))
            ((self.id,),) = db.execute("SELECT id FROM ledger").fetchall()

    def append(self, erased: Sequence[ErasureTarget], at: datetime) -> int:
        highest = 0
        with self._transaction() as db:
            # Numbered under the lock, so that none is committed after a higher one.
            db.execute("LOCK TABLE entries IN EXCLUSIVE MODE")
            for what, unit in erased:
                values = (what, _SUBJECT if unit is None else unit)
                row = db.execute("SELECT number FROM entries WHERE what = %s AND unit = %s", values).fetchone()
                if row is None:
                    row = db.execute(
                        "INSERT INTO entries SELECT coalesce(max(number), 0) + 1, %s, %s, %s FROM entries "
                        "RETURNING number",
                        (at, *values),
                    ).fetchone()
                assert row is not None
                highest = max(highest, row[0])
        return highest

    def after(self, number: int, limit: int) -> list[Entry]:
        with self._transaction() as db:
            rows = db.execute(
                "SELECT number, at, what, unit FROM entries WHERE number > %s ORDER BY number LIMIT %s", (number, limit)
            ).fetchall()
        return [
            Entry(row, at.astimezone(UTC), ErasureTarget(what, None if unit == _SUBJECT else unit))
            for row, at, what, unit in rows
        ]

    def last(self) -> int:
        with self._transaction() as db:
            ((number,),) = db.execute("SELECT coalesce(max(number), 0) FROM entries").fetchall()
        return int(number)


class PostgresKeyRows(_Schema):
    """Wrapped secrets and nodes in a schema."""

    def __init__(self, place: Database) -> None:
        """Opens or creates it. Raises StoreError."""
        super().__init__(
            place,
            (
                "CREATE TABLE IF NOT EXISTS kept (one int PRIMARY KEY CHECK (one = 1), ledger text NOT NULL, "
                "applied bigint NOT NULL, checked bytea NOT NULL)",
                'CREATE TABLE IF NOT EXISTS subjects (name text COLLATE "C" PRIMARY KEY, secret bytea)',
                'CREATE TABLE IF NOT EXISTS locks (name text COLLATE "C" PRIMARY KEY, first text COLLATE "C" NOT NULL, '
                'second text COLLATE "C" NOT NULL, nodes bytea NOT NULL)',
                "CREATE INDEX IF NOT EXISTS locks_first ON locks (first)",
                "CREATE INDEX IF NOT EXISTS locks_second ON locks (second)",
            ),
        )
        self._unvacuumed = False

    def kept(self) -> StoreState | None:
        with self._transaction() as db:
            rows = db.execute("SELECT ledger, applied, checked FROM kept").fetchall()
        return StoreState(*rows[0]) if rows else None

    def begin(self, ledger: str, check: bytes) -> None:
        with self._transaction() as db:
            db.execute("INSERT INTO kept VALUES (1, %s, 0, %s)", (ledger, check))

    def find(self, subjects: Sequence[str], locks: Sequence[str]) -> StoredKeys:
        if self._unvacuumed:
            self._vacuum()
        with self._transaction() as db:
            db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            ((applied,),) = db.execute("SELECT applied FROM kept").fetchall()
            secrets = db.execute("SELECT name, secret FROM subjects WHERE name = ANY(%s)", (list(subjects),))
            found = dict(secrets.fetchall())
            nodes = db.execute("SELECT name, nodes FROM locks WHERE name = ANY(%s)", (list(locks),))
            return StoredKeys(applied, found, dict(nodes.fetchall()))

    def add(self, subjects: Mapping[str, bytes], locks: Mapping[str, bytes]) -> None:
        with self._transaction() as db:
            # In one order everywhere, so that two who add the same do not wait for each other.
            for name, secret in sorted(subjects.items()):
                db.execute("INSERT INTO subjects VALUES (%s, %s) ON CONFLICT DO NOTHING", (name, secret))
            for name, nodes in sorted(locks.items()):
                first, _, second = name.partition("|")
                db.execute(
                    "INSERT INTO locks VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING", (name, first, second, nodes)
                )

    def apply(self, before: int, number: int, subjects: Sequence[str], locks: Mapping[str, bytes]) -> bool:
        with self._transaction() as db:
            db.execute("SET LOCAL statement_timeout = 0")  # somebody may have written in very many Spaces
            moved = db.execute("UPDATE kept SET applied = %s WHERE applied = %s", (number, before))
            if moved.rowcount != 1:
                return False
            self._unvacuumed = True
            for name in subjects:
                db.execute(
                    "INSERT INTO subjects VALUES (%s, NULL) ON CONFLICT (name) DO UPDATE SET secret = NULL", (name,)
                )
                db.execute("DELETE FROM locks WHERE first = %s OR second = %s", (name, name))
            for name, nodes in locks.items():
                first, _, second = name.partition("|")
                db.execute(
                    "INSERT INTO locks VALUES (%s, %s, %s, %s) ON CONFLICT (name) DO UPDATE SET nodes = excluded.nodes",
                    (name, first, second, nodes),
                )
        self._vacuum()
        return True

    def _vacuum(self) -> None:
        with self._told():
            connection = self._open()
            connection.execute("SET statement_timeout = 0")
            try:
                connection.execute("VACUUM subjects, locks")
            finally:
                connection.execute(f"SET statement_timeout = {_STATEMENT_MS}".encode())
        self._unvacuumed = False
