"""Keys and their ledger in either database: what is destroyed stays destroyed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libs.database import Database, Place
from libs.keyring import CannotOpen, ErasureTarget, StoreError
from libs.keyring.keys import Keys, open_keys
from libs.keyring.master import master_key
from tests.support.places import execute
from tests.support.postgres import HOW_TO_GET_IT, PostgresServer, binaries, running_postgres

AT = datetime(2026, 1, 2, tzinfo=UTC)
PERSON, SPACE = "person:ann", "space:tea"
BOTH = f"{PERSON}|{SPACE}"
Open = Callable[[], Keys]


@pytest.fixture
def reopen(new_place: Callable[[str], Place], tmp_path: Path) -> Open:
    keys, ledger = new_place("keyring"), new_place("ledger")
    return lambda: open_keys(keys, ledger, lambda begun: master_key(tmp_path / "master.key", "", begun=begun))


def test_keys_are_made_once_and_destroyed_for_ever(reopen: Open) -> None:
    keys = reopen()
    first = keys.give([BOTH, SPACE])
    whole = first.trees[SPACE]
    assert whole is not None
    assert keys.give([SPACE, BOTH]) == first
    assert keys.destroy([ErasureTarget(SPACE, "title"), ErasureTarget(PERSON)], AT) == 2
    assert keys.destroy([ErasureTarget(SPACE, "title")], AT) == 1  # again: as it was
    for _ in range(2):
        given = keys.give([BOTH, SPACE, PERSON])
        assert given == (2, {BOTH: None, SPACE: whole.without(["title"]), PERSON: None})
        assert [(entry.number, entry.at, entry.erased) for entry in keys.erased(0)] == [
            (1, AT, ErasureTarget(SPACE, "title")),
            (2, AT, ErasureTarget(PERSON)),
        ]
        keys.close()
        keys = reopen()
    keys.close()


def test_two_processes_give_the_same_keys_and_lose_no_destruction(reopen: Open) -> None:
    one, other = reopen(), reopen()
    whole = one.give([SPACE]).trees[SPACE]
    assert whole is not None
    assert other.give([SPACE]).trees[SPACE] == whole
    one.destroy([ErasureTarget(SPACE, "a")], AT)
    other.destroy([ErasureTarget(SPACE, "b")], AT)
    one.destroy([ErasureTarget(SPACE, "c")], AT)
    for keys in (one, other):
        assert keys.give([SPACE]).trees[SPACE] == whole.without(["a", "b", "c"])
        keys.close()


def test_keys_of_an_earlier_day_take_in_the_ledger(new_place: Callable[[str], Place], tmp_path: Path) -> None:
    place, ledger = new_place("keyring"), new_place("ledger")

    def opened(book: Place = ledger) -> Keys:
        return open_keys(place, book, lambda begun: master_key(tmp_path / "master.key", "", begun=begun))

    keys = opened()
    keys.give([BOTH, SPACE])
    secret, nodes = (execute(place, query) for query in ("SELECT * FROM subjects", "SELECT * FROM locks"))
    keys.destroy([ErasureTarget(PERSON), ErasureTarget(SPACE, "title")], AT)
    keys.close()
    execute(place, "DELETE FROM subjects")
    execute(place, "DELETE FROM locks")
    for row in secret:
        execute(place, "INSERT INTO subjects VALUES (?, ?)", *row)
    for row in nodes:
        execute(place, "INSERT INTO locks VALUES (?, ?, ?, ?)", *row)
    execute(place, "UPDATE kept SET applied = 0")
    keys = opened()
    given = keys.give([BOTH, SPACE])
    assert given.trees[BOTH] is None
    left = given.trees[SPACE]
    assert left is not None
    assert not left.has("title")
    keys.close()
    with pytest.raises(CannotOpen, match="restore the newest one"):
        opened(new_place("ledger"))


@pytest.fixture
def own() -> Iterator[PostgresServer]:
    """A server that may be stopped."""
    if binaries() is None:
        pytest.skip(f"no PostgreSQL: {HOW_TO_GET_IT}")
    with running_postgres() as server:
        yield server


def test_while_the_database_is_away_nothing_is_given_and_then_it_goes_on(own: PostgresServer, tmp_path: Path) -> None:
    url = own.new_database()
    places = Database(url, "keyring"), Database(url, "ledger")
    keys = open_keys(*places, lambda begun: master_key(tmp_path / "master.key", "", begun=begun))
    whole = keys.give([SPACE]).trees[SPACE]
    assert whole is not None
    own.stop()
    with pytest.raises(StoreError, match=r"127\.0\.0\.1"):
        keys.give([SPACE])
    with pytest.raises(StoreError):
        keys.destroy([ErasureTarget(SPACE, "title")], AT)
    own.start()
    keys.destroy([ErasureTarget(SPACE, "title")], AT)
    assert keys.give([SPACE]).trees[SPACE] == whole.without(["title"])
    keys.close()
