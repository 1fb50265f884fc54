"""Where facts are kept in a large installation: PostgreSQL, a schema for each service.

The tables are shaped as the `eventsourcing` library shapes them, and a lock on the table of facts makes the order of
notification ids the order of commits, as it does there. The connections are our own: the library's pool waits for
minutes before it tries a server that was away again, and its recorder waits for two seconds before it gives up; here a
command is refused at once, and the first one after the server is back succeeds.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import psycopg
from eventsourcing.persistence import (
    IntegrityError,
    Notification,
    OperationalError,
    PersistenceError,
)

from libs.database import Database
from libs.eventstore.recorder import NEWEST, CommandRepeated, CommandRow, FactRow, NameTaken, Rewritten, Write
from libs.postgres import Connection, connect, create_schema

_IDLE_MS: Final = 10_000
"""A process that stands still in the middle of a write must not stop the others for longer."""
_AGAIN_SECONDS: Final = 0.25
"""A server that could not be reached is not tried again for so long: nobody waits for it a second time."""
_KEPT: Final = 8
"""Connections that are kept open while nobody uses them."""

_TABLES: Final = (
    'CREATE TABLE IF NOT EXISTS stored_events (originator_id text COLLATE "C", originator_version bigint, '
    "topic text NOT NULL, state bytea NOT NULL, notification_id bigint NOT NULL UNIQUE, "
    "PRIMARY KEY (originator_id, originator_version))",
    'CREATE TABLE IF NOT EXISTS commands (scope text COLLATE "C", command_id text COLLATE "C", digest text NOT NULL, '
    "originator_id text NOT NULL, version bigint NOT NULL, PRIMARY KEY (scope, command_id))",
    'CREATE TABLE IF NOT EXISTS claims (namespace text COLLATE "C", name text COLLATE "C", owner text NOT NULL, '
    "PRIMARY KEY (namespace, name))",
    'CREATE TABLE IF NOT EXISTS snapshots (originator_id text COLLATE "C" PRIMARY KEY, version bigint NOT NULL, '
    "fingerprint text NOT NULL, state bytea NOT NULL)",
)
# Numbered under the lock: without gaps, and in the order of commits.
_INSERT_EVENTS: Final = (
    "INSERT INTO stored_events (originator_id, originator_version, topic, state, notification_id) "
    "SELECT id, version, topic, state, number + (SELECT coalesce(max(notification_id), 0) FROM stored_events) "
    "FROM unnest(%s::text[], %s::bigint[], %s::text[], %b::bytea[]) WITH ORDINALITY AS new(id, version, topic, state, "
    "number) RETURNING notification_id"
)
_REWRITE: Final = (
    "UPDATE stored_events AS old SET state = new.after FROM unnest(%s::text[], %s::bigint[], %b::bytea[], %b::bytea[]) "
    "AS new(id, version, before, after) WHERE old.originator_id = new.id AND old.originator_version = new.version "
    "AND old.state = new.before"
)
_INSERT_COMMANDS: Final = (
    "INSERT INTO commands (scope, command_id, digest, originator_id, version) "
    "SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[])"
)


class _Gone(OperationalError):
    """A connection that had lain idle is no more; nothing is known of the server."""


class PostgresRecorder:
    """Facts, command ids, claims and snapshots in one schema."""

    def __init__(self, place: Database, *, read_only: bool = False) -> None:
        """Connects, and makes schema and tables. Raises OSError, with the place, where that is not possible."""
        self._place = place
        self._read_only = read_only
        self._guard = threading.Lock()
        self._idle: list[Connection] = []
        self._closed = False
        self._not_before = 0.0
        try:
            if read_only:
                self._must_exist()
            else:
                self._create()
        except PersistenceError as error:
            self.close()
            raise OSError(f"the event store {place} cannot be opened: {error}") from error
        except BaseException:
            self.close()
            raise

    # -- connections -------------------------------------------------------------------------------------------

    def _connect(self) -> Connection:
        if time.monotonic() < self._not_before:
            raise OperationalError("the database is away")
        try:
            return connect(
                self._place,
                idle_in_transaction_session_timeout=f"{_IDLE_MS}ms",
                default_transaction_read_only="on" if self._read_only else "off",
            )
        except psycopg.Error:
            self._not_before = time.monotonic() + _AGAIN_SECONDS
            raise

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
        """A cursor of a connection that nobody else uses; psycopg's errors as the library's."""
        connection: Connection | None = None
        used = False
        try:
            with self._guard:
                if self._closed:
                    raise OperationalError("the event store is closed")
                if used := bool(self._idle):
                    connection = self._idle.pop()
            connection = connection or self._connect()
            with connection.cursor(binary=True) as cursor:
                yield cursor
        except (psycopg.IntegrityError, psycopg.DataError) as error:
            text = _one_line(error)
            match error.diag.table_name:
                case "commands":
                    raise CommandRepeated(text) from error
                case "claims":
                    raise NameTaken(text) from error
                case _:
                    raise IntegrityError(text) from error
        except psycopg.errors.DiskFull as error:
            raise OperationalError(f"the database's disk is full: {_one_line(error)}") from error
        except psycopg.OperationalError as error:
            if connection is not None and (error.sqlstate or "08").startswith(("08", "57P")):
                connection.close()
                if used:
                    raise _Gone(_one_line(error)) from error
            raise OperationalError(_one_line(error)) from error
        except psycopg.Error as error:
            raise PersistenceError(_one_line(error)) from error
        finally:
            if connection is not None:
                self._give_back(connection)

    def _give_back(self, connection: Connection) -> None:
        idle = psycopg.pq.TransactionStatus.IDLE
        with self._guard:
            if not connection.closed and connection.info.transaction_status == idle:
                if not self._closed and len(self._idle) < _KEPT:
                    self._idle.append(connection)
                    return
                gone = [connection]
            else:
                # The server has gone, or ended this session: the others were to it, too.
                gone, self._idle = [connection, *self._idle], []
        for each in gone:
            each.close()

    def close(self) -> None:
        with self._guard:
            self._closed = True
            gone, self._idle = self._idle, []
        for connection in gone:
            connection.close()

    def _create(self) -> None:
        with self._cursor() as c, c.connection.transaction():
            create_schema(c.connection, self._place)
            for statement in _TABLES:
                c.execute(statement)

    def _must_exist(self) -> None:
        with self._cursor() as c:
            c.execute("SELECT to_regclass('stored_events')::text")
            row = c.fetchone()
        if row is None or row[0] is None:
            raise FileNotFoundError(f"there is no event store at {self._place}")

    # -- writing -----------------------------------------------------------------------------------------------

    def write(self, writes: Sequence[Write]) -> int:
        try:
            return self._write(writes)
        except _Gone:
            # The server was restarted, maybe. Had it committed before it went, it refuses now what is there already.
            return self._write(writes)

    def _write(self, writes: Sequence[Write]) -> int:
        facts = [fact for write in writes for fact in write.facts]
        commands = [row for write in writes if (row := write.command) is not None]
        with self._cursor() as c, c.connection.transaction():
            # Readers pass it; writers follow one another, so that no id is committed after a higher one.
            c.execute("LOCK TABLE stored_events IN EXCLUSIVE MODE")
            last = 0
            if facts:
                c.execute(_INSERT_EVENTS, [list(column) for column in zip(*facts, strict=True)])
                last = max(row[0] for row in c.fetchall())
            if commands:
                c.execute(
                    _INSERT_COMMANDS,
                    (
                        [row.scope for row in commands],
                        [row.command_id for row in commands],
                        [row.digest for row in commands],
                        [row.originator_id for row in commands],
                        [row.version for row in commands],
                    ),
                )
            for claim in (claim for write in writes for claim in write.claims):
                if claim.owner is None:
                    c.execute("DELETE FROM claims WHERE namespace=%s AND name=%s", (claim.namespace, claim.name))
                else:
                    c.execute("INSERT INTO claims VALUES (%s, %s, %s)", (claim.namespace, claim.name, claim.owner))
            for snapshot in (write.snapshot for write in writes):
                if snapshot is not None:
                    c.execute(
                        "INSERT INTO snapshots VALUES (%s, %s, %s, %s) ON CONFLICT (originator_id) DO UPDATE SET "
                        "version=excluded.version, fingerprint=excluded.fingerprint, state=excluded.state",
                        (snapshot.originator_id, snapshot.version, snapshot.fingerprint, snapshot.state),
                    )
        return last

    def rewrite(self, facts: Sequence[Rewritten]) -> int:
        try:
            return self._rewrite(facts)
        except _Gone:  # what was committed before it went is not found as it was any more
            return self._rewrite(facts)

    def _rewrite(self, facts: Sequence[Rewritten]) -> int:
        with self._cursor() as c, c.connection.transaction():
            c.execute(_REWRITE, [list(column) for column in zip(*facts, strict=True)] if facts else ([], [], [], []))
            return c.rowcount

    def drop_snapshots(self) -> None:
        with self._cursor() as c, c.connection.transaction():
            c.execute("DELETE FROM snapshots")

    # -- reading -----------------------------------------------------------------------------------------------

    def _rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._cursor() as c:
                return c.execute(query.encode(), parameters).fetchall()
        except _Gone:  # the server was restarted, maybe: what is only asked is asked again
            with self._cursor() as c:
                return c.execute(query.encode(), parameters).fetchall()

    def repeated(self, keys: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        if not keys:
            return set()
        rows = self._rows(
            "SELECT scope, command_id FROM commands WHERE (scope, command_id) IN "
            "(SELECT * FROM unnest(%s::text[], %s::text[]))",
            ([scope for scope, _ in keys], [id for _, id in keys]),
        )
        return {(row[0], row[1]) for row in rows}

    def find_command(self, scope: str, command_id: str) -> CommandRow | None:
        rows = self._rows(
            "SELECT scope, command_id, digest, originator_id, version FROM commands WHERE scope=%s AND command_id=%s",
            (scope, command_id),
        )
        return CommandRow(*rows[0]) if rows else None

    def find_snapshot(self, originator_id: str, fingerprint: str) -> bytes | None:
        rows = self._rows(
            "SELECT state FROM snapshots WHERE originator_id=%s AND fingerprint=%s", (originator_id, fingerprint)
        )
        return bytes(rows[0][0]) if rows else None

    def find_claim(self, namespace: str, name: str) -> str | None:
        rows = self._rows("SELECT owner FROM claims WHERE namespace=%s AND name=%s", (namespace, name))
        return str(rows[0][0]) if rows else None

    def find_names(self, namespace: str, owner: str) -> Sequence[str]:
        return [
            str(row[0])
            for row in self._rows("SELECT name FROM claims WHERE namespace=%s AND owner=%s", (namespace, owner))
        ]

    def wipe(self) -> None:
        """Nothing: the server reuses the room of deleted rows when it vacuums."""

    def pack(self) -> None:
        """Nothing: an operator lets the server do that, with VACUUM FULL."""

    def select_facts(self, originator_id: str, *, after: int = 0, to: int | None = None) -> Sequence[FactRow]:
        rows = self._rows(
            "SELECT originator_version, topic, state FROM stored_events WHERE originator_id=%s "
            "AND originator_version > %s AND originator_version <= %s ORDER BY originator_version",
            (originator_id, after, NEWEST if to is None else to),
        )
        return [(version, topic, bytes(state)) for version, topic, state in rows]

    def select_notifications(
        self, start: int | None, limit: int, *, inclusive_of_start: bool = True
    ) -> Sequence[Notification]:
        after = 0 if start is None else start - inclusive_of_start
        rows = self._rows(
            "SELECT originator_id, originator_version, topic, state, notification_id FROM stored_events "
            "WHERE notification_id > %s ORDER BY notification_id LIMIT %s",
            (after, limit),
        )
        return [Notification(id, version, topic, bytes(state), number) for id, version, topic, state, number in rows]

    def max_notification_id(self) -> int | None:
        rows = self._rows("SELECT max(notification_id) FROM stored_events")
        return None if rows[0][0] is None else int(rows[0][0])


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
