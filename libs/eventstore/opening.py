"""Opening what is kept at a place: a file, or a schema of a PostgreSQL database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from libs.database import Place
from libs.eventstore.aggregate import S
from libs.eventstore.recorder import Recorder
from libs.eventstore.sqlite import SqliteRecorder
from libs.eventstore.store import Store


def open_recorder(place: Place, *, read_only: bool = False) -> Recorder:
    """The recorder of a place, its tables made where they are not there. Raises OSError that names the place."""
    if isinstance(place, Path):
        return SqliteRecorder(place, read_only=read_only)
    # Only who keeps facts there loads its driver.
    from libs.eventstore.postgres import PostgresRecorder

    return PostgresRecorder(place, read_only=read_only)


@asynccontextmanager
async def open_store(place: Place, new: Callable[[str], S], *, cached: int = 10_000) -> AsyncIterator[Store[S]]:
    """Open (or create) an event store; `new` makes the empty state of an id; at most `cached` states stay in memory.

    Raises OSError naming the place. Leaving the context writes what waits and closes the database.
    """
    store = Store(await asyncio.to_thread(open_recorder, place), new, cached=cached)
    try:
        yield store
    finally:
        await store.close()
