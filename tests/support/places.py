"""Where a test's event store is, in every database there is."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any

import psycopg

from libs.database import Database, Place


def in_words(place: Place) -> str:
    """What `from_words` reads in another process."""
    return place.url if isinstance(place, Database) else str(place)


def from_words(text: str, schema: str) -> Place:
    return Database(text, schema) if text.startswith("postgresql:") else Path(text)


def execute(place: Place, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Behind the store's back; `?` stands for a value."""
    if isinstance(place, Path):
        with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as file:
            return file.execute(statement, values).fetchall()
    with psycopg.connect(place.url, autocommit=True, options=f"-csearch_path={place.schema}") as connection:
        cursor = connection.execute(statement.replace("?", "%s").encode(), values)
        return cursor.fetchall() if cursor.description else []
