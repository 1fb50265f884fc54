"""Connections to PostgreSQL as our stores want them: quick to notice that the server is away, each in its schema."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import psycopg
from psycopg import sql

from libs.database import Database

CONNECT_SECONDS: Final = 2
LOCK_MS: Final = 2_000
"""How long a statement waits for another process's lock."""

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


def connect(place: Database, **settings: str) -> Connection:
    """Connect, with `settings` of the session besides ours. The schema need not exist yet. Raises psycopg.Error."""
    connection = psycopg.connect(
        place.url,
        autocommit=True,
        connect_timeout=CONNECT_SECONDS,
        keepalives_idle=5,
        keepalives_interval=2,
        keepalives_count=3,
        tcp_user_timeout=10_000,
        fallback_application_name=f"rostrum {place.schema}",
    )
    path = sql.Identifier(place.schema).as_string(connection)
    try:
        for name, value in {"search_path": path, "lock_timeout": f"{LOCK_MS}ms", **settings}.items():
            connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        # A commit is on disk when it returns, whatever the server's default; a stricter one is left as it is.
        connection.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit')='off'"
        )
    except BaseException:
        connection.close()
        raise
    return connection


def create_schema(connection: Connection, place: Database) -> None:
    """Make the schema where it is missing, within the caller's transaction."""
    # IF NOT EXISTS is no protection from another process that does the same at this moment.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"rostrum {place.schema}",))
    found = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname=%s", (place.schema,)).fetchone()
    if found is None:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(place.schema)))
