"""A read model of a service's own facts, with a real event store."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libs.eventstore import Fact, Meta, Notification, Order, Store, open_store, stored
from libs.readmodel import StoreModel
from tests.support.damage import PAGE, damage


@stored("counter.raised")
class Raised(Fact):
    by: int


class Counter:
    def __init__(self, id: str) -> None:
        self.id, self.version = id, 0

    def apply(self, fact: Fact, meta: Meta) -> None:
        pass


class Totals(StoreModel):
    schema = "CREATE TABLE totals (id TEXT PRIMARY KEY, total INTEGER NOT NULL)"

    def apply(self, notification: Notification) -> None:
        fact = notification.fact
        assert isinstance(fact, Raised)
        if fact.by < 0:
            raise ValueError("a bug")
        self.db.execute(
            "INSERT INTO totals VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET total = total + excluded.total",
            (notification.aggregate_id, fact.by),
        )

    def totals(self) -> dict[str, int]:
        return dict(self.db.execute("SELECT id, total FROM totals"))


async def increase(store: Store[Counter], id: str, by: int, key: str) -> None:
    order = Order(id=key, actor=None, at=datetime(2026, 1, 1, tzinfo=UTC))
    await store.execute(id, order, lambda _: [Raised(by=by)], lambda _: None)


async def test_who_asks_sees_everything_committed(tmp_path: Path) -> None:
    async with open_store(tmp_path / "store.db", Counter) as store, Totals(tmp_path / "read.db") as totals:
        await increase(store, "a", 2, "1")
        await totals.catch_up(store)
        await increase(store, "b", 3, "2")
        await increase(store, "a", 5, "3")
        await totals.catch_up(store)
        await totals.catch_up(store)
        assert totals.totals() == {"a": 7, "b": 3}


async def test_a_file_that_was_deleted_fills_again(tmp_path: Path) -> None:
    async with open_store(tmp_path / "store.db", Counter) as store:
        for n in range(3):
            await increase(store, "a", 1, str(n))
        for _ in range(2):
            async with Totals(tmp_path / "read.db") as totals:
                await totals.catch_up(store)
                assert totals.totals() == {"a": 3}
            (tmp_path / "read.db").unlink()


@pytest.mark.parametrize("first", [1, 2, 3])
async def test_a_damaged_file_is_set_aside_named_and_filled_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, first: int
) -> None:
    path = tmp_path / "read.db"
    async with open_store(tmp_path / "store.db", Counter) as store:
        for n in range(400):
            await increase(store, f"{n}" * 20, 1, str(n))
        async with Totals(path) as totals:
            await totals.catch_up(store)
            before = totals.totals()
        damage(path, first=first)
        async with Totals(path) as totals:
            # Damage beyond the first pages is met by whoever reads them, and mended for whoever comes next.
            with contextlib.suppress(sqlite3.DatabaseError):
                totals.totals()
            await totals.catch_up(store)
            assert totals.totals() == before
            assert totals.damage is None
    assert f"{path} is damaged; it is kept as read.db.damaged" in caplog.text
    assert path.with_name("read.db.damaged").stat().st_size > PAGE


async def test_a_file_that_is_locked_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "read.db"
    async with Totals(path) as totals, open_store(tmp_path / "store.db", Counter) as store:
        await increase(store, "a", 1, "1")
        totals.db.execute("PRAGMA busy_timeout = 0")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                await totals.catch_up(store)
            other.execute("ROLLBACK")
        await totals.catch_up(store)
        assert totals.totals() == {"a": 1}
    assert not path.with_name("read.db.damaged").exists()


async def test_another_store_fills_it_anew(tmp_path: Path) -> None:
    async with Totals(tmp_path / "read.db") as totals:
        async with open_store(tmp_path / "one.db", Counter) as store:
            await increase(store, "a", 1, "1")
            await increase(store, "a", 1, "2")
            await totals.catch_up(store)
        async with open_store(tmp_path / "two.db", Counter) as store:
            await increase(store, "b", 9, "1")
            await totals.catch_up(store)
        assert totals.totals() == {"b": 9}


async def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    async with open_store(tmp_path / "store.db", Counter) as store, Totals(tmp_path / "read.db") as totals:
        await increase(store, "a", 1, "1")
        await increase(store, "a", -1, "2")
        with pytest.raises(ValueError, match="a bug"):
            await totals.catch_up(store)
        assert (totals.totals(), totals.sequence) == ({}, 0)


async def test_what_finds_no_room_on_the_disk_is_told_and_applied_when_there_is_some(tmp_path: Path) -> None:
    async with open_store(tmp_path / "store.db", Counter) as store, Totals(tmp_path / "read.db") as totals:
        (pages,) = totals.db.execute("PRAGMA page_count").fetchone()
        totals.db.execute(f"PRAGMA max_page_count = {pages}")
        await asyncio.gather(*(increase(store, f"{n:0200}", 1, str(n)) for n in range(100)))
        with pytest.raises(sqlite3.OperationalError, match="full"):
            await totals.catch_up(store)
        totals.db.execute("PRAGMA max_page_count = 1000000")
        await totals.catch_up(store)
        assert len(totals.totals()) == 100


async def test_a_transaction_whose_end_is_refused_leaves_none_open(tmp_path: Path) -> None:
    async with Totals(tmp_path / "read.db") as totals:
        totals.db.execute("PRAGMA foreign_keys = ON")
        totals.db.execute("CREATE TABLE parts (id REFERENCES totals (id) DEFERRABLE INITIALLY DEFERRED)")
        with pytest.raises(sqlite3.IntegrityError), totals.transaction():
            totals.db.execute("INSERT INTO parts VALUES ('nobody')")
        with totals.transaction():
            totals.db.execute("INSERT INTO totals VALUES ('a', 1)")
        assert totals.totals() == {"a": 1}
