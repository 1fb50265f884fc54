"""Tables of what a service owes: in an SQLite file, or in a schema of PostgreSQL, by the SQL that both know.

An event store keeps facts and a read model can be made anew; this keeps what is neither, such as what is still to be
sent. What is committed is on disk. Values are numbers and texts, `?` stands for one, and whoever inserts gives every
key.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from libs.database import Database, Place

if TYPE_CHECKING:
    from libs.postgres import Connection

T = TypeVar("T")
_log = logging.getLogger(__name__)
_LOCK_SECONDS: Final = 5.0
_AGAIN: Final = 0.5
_STATEMENT_MS: Final = 30_000


class TablesAway(OSError):
    """The tables cannot be read or written now; the text says why."""


class TakenTables(OSError):
    """Another process works on them."""


class Statements(Protocol):
    """What works inside one transaction."""

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows that a statement gives; none where it gives none."""


class _Backend(Protocol):
    def transaction(self) -> contextlib.AbstractContextManager[Statements]: ...

    def wipe(self) -> None: ...

    def close(self) -> None: ...


class Tables:
    """Tables of one service, on which one process works at a time. Made by `open_tables`."""

    def __init__(self, backend: _Backend, thread: ThreadPoolExecutor) -> None:
        self._backend = backend
        self._thread = thread
        self._trouble: str | None = None

    async def run(self, work: Callable[[Statements], T]) -> T:
        """What `work` returns, done in one transaction and in a thread of its own, one after another. It may be called
        again where the first call came to nothing. Raises TablesAway, and what `work` raises; nothing is done then."""

        def in_transaction() -> T:
            with self._backend.transaction() as statements:
                return work(statements)

        return await self._run(in_transaction)

    async def wipe(self) -> None:
        """Leave nothing in the files of what was deleted, where the database can. Raises TablesAway."""
        await self._run(self._backend.wipe)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            # Whoever is cancelled does not know whether it was done, as after a crash.
            found = await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except TablesAway as error:
            self._trouble = str(error)
            raise
        self._trouble = None
        return found

    def trouble(self) -> str | None:
        """For readiness: None where all is well."""
        return self._trouble


@contextlib.asynccontextmanager
async def open_tables(place: Place, schema: Sequence[str]) -> AsyncIterator[Tables]:
    """Open, or make, the tables that the statements of `schema` make where they are missing.

    Waits while another process has them open. Raises OSError naming the place.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="tables")
    loop = asyncio.get_running_loop()
    try:
        make: Callable[[], _Backend] = (
            (lambda: _Postgres(place, schema)) if isinstance(place, Database) else (lambda: _Sqlite(place, schema))
        )
        told = False
        while True:
            try:
                backend = await loop.run_in_executor(thread, make)
                break
            except TakenTables as taken:
                if not told:
                    _log.warning("waiting for the tables", extra={"why": str(taken)})
                told = True
                await asyncio.sleep(_AGAIN)
        try:
            yield Tables(backend, thread)
        finally:
            await loop.run_in_executor(thread, backend.close)
    finally:
        thread.shutdown(wait=False)


class _Sqlite:
    def __init__(self, path: Path, schema: Sequence[str]) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            _take(self._lock, path)
            with self._told():
                self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_LOCK_SECONDS)
                try:
                    for setting in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
                        self._db.execute(f"PRAGMA {setting}").fetchall()
                    with self.transaction() as statements:
                        for statement in schema:
                            statements.execute(statement)
                except BaseException:
                    self._db.close()
                    raise
        except BaseException:
            os.close(self._lock)
            raise

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self._db.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Statements]:
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def wipe(self) -> None:
        with self._told():
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        self._db.close()
        os.close(self._lock)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise TablesAway(f"{self._path}: {error}") from error


def _take(descriptor: int, path: Path) -> None:
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise TakenTables(f"another process works on {path}") from None


class _Postgres:
    def __init__(self, place: Database, schema: Sequence[str]) -> None:
        from libs.postgres import create_schema

        self._place = place
        self._connection: Connection | None = None
        try:
            with _told(place):
                connection = self._open()
            with self.transaction() as statements:
                create_schema(connection, place)
                for statement in schema:
                    statements.execute(statement)
        except BaseException:
            self.close()
            raise

    def _open(self) -> Connection:
        """The connection, made again where it was lost. Raises TakenTables."""
        import psycopg

        from libs.postgres import connect

        if self._connection is not None and not self._connection.closed:
            try:
                self._connection.execute("SELECT 1")
                return self._connection
            except psycopg.OperationalError:
                self._connection.close()
        connection = connect(self._place, statement_timeout=f"{_STATEMENT_MS}ms")
        # Held until the connection ends.
        name = f"rostrum tables {self._place.schema}"
        row = connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", (name,)).fetchone()
        if row is None or not row[0]:
            connection.close()
            raise TakenTables(f"another process works on {self._place}")
        self._connection = connection
        return connection

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        assert self._connection is not None
        cursor = self._connection.execute(statement.replace("?", "%s").encode(), values)
        return cursor.fetchall() if cursor.description else []

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Statements]:
        try:
            with _told(self._place), self._open().transaction():
                yield self
        except TakenTables as error:
            raise TablesAway(str(error)) from error

    def wipe(self) -> None:
        """PostgreSQL reuses the place of what was deleted by itself."""

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


@contextlib.contextmanager
def _told(place: Database) -> Iterator[None]:
    import psycopg

    try:
        yield
    except psycopg.Error as error:
        raise TablesAway(f"{place}: {' '.join(str(error).split())}") from error
