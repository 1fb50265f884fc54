"""Keys in PostgreSQL, as far as they differ from those in files."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from libs.database import Database
from libs.keyring.postgres import PostgresKeyRows
from libs.keyring.rows import StoreError
from tests.support.postgres import PostgresServer

ANN = "person:ann"


def begun(place: Database) -> PostgresKeyRows:
    rows = PostgresKeyRows(place)
    rows.begin("ledger", b"check")
    rows.add({ANN: b"wrapped"}, {})
    return rows


async def test_what_could_not_be_vacuumed_is_before_keys_are_given_again(postgres: PostgresServer) -> None:
    place = Database(postgres.new_database(), "keys")
    rows = await asyncio.to_thread(begun, place)
    with psycopg.connect(place.url) as another:
        another.execute("LOCK TABLE keys.subjects IN SHARE UPDATE EXCLUSIVE MODE")  # as ANALYZE takes it
        for call in (lambda: rows.apply(0, 1, [ANN], {}), lambda: rows.find([ANN], [])):
            with pytest.raises(StoreError, match="lock timeout"):
                await asyncio.to_thread(call)
    found = await asyncio.to_thread(rows.find, [ANN], [])
    assert (found.applied, found.subjects) == (1, {ANN: None})
    rows.close()
