"""Keys in PostgreSQL, as far as they differ from those in files."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from libs.database import Database
from libs.keyring.postgres import PostgresKeyRows
from libs.keyring.rows import StoreError
from tests.support.postgres import PostgresServer
from tests.support.waiting import LIMIT

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


async def test_a_server_that_is_slow_to_give_keys_is_not_waited_for(postgres: PostgresServer) -> None:
    place = Database(postgres.new_database(), "keys")
    rows = await asyncio.to_thread(begun, place)
    with psycopg.connect(place.url, autocommit=True) as another:
        another.execute("ALTER TABLE keys.subjects RENAME TO subjects_there")
        another.execute("CREATE VIEW keys.subjects AS SELECT name, secret FROM keys.subjects_there, pg_sleep(3600)")
        with pytest.raises(StoreError, match="statement timeout"):
            await asyncio.wait_for(asyncio.to_thread(rows.find, [ANN], []), LIMIT)
        another.execute("DROP VIEW keys.subjects")
        another.execute("ALTER TABLE keys.subjects_there RENAME TO subjects")
    found = await asyncio.to_thread(rows.find, [ANN], [])
    assert found.subjects == {ANN: b"wrapped"}
    rows.close()
