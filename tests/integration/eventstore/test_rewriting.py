"""Facts are rewritten under everybody who uses the store, and nothing is left of what they were."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import msgspec

from libs.database import Place
from libs.eventstore import Fact, Meta, Store, open_store
from libs.eventstore.snapshots import EVERY
from tests.integration.eventstore.counting import Counter, Noted, add, order
from tests.support.needles import in_folder, needle
from tests.support.places import execute


class Scribe(Counter):
    """Keeps everything that was ever noted."""

    texts: list[str] = msgspec.field(default_factory=list)

    def apply(self, fact: Fact, meta: Meta) -> None:
        super().apply(fact, meta)
        if isinstance(fact, Noted):
            self.texts.append(fact.text)


async def note(store: Store[Scribe], id: str, text: str, key: str) -> str:
    done = await store.execute(id, order(key), lambda c: c.note(text), lambda c: c.text)
    return done.view


async def rewrite(store: Store[Scribe], word: str, other: str) -> int:
    """Put another word in the place of one, everywhere."""
    rows = [
        (str(row.originator_id), row.originator_version, state, state.replace(word.encode(), other.encode()))
        for row in await store.stored(0, 10_000)
        if word.encode() in (state := bytes(row.state))
    ]
    return await store.rewrite(rows)


def everything(place: Place, table: str) -> list[tuple[object, ...]]:
    match table:
        case "ids" if isinstance(place, Path):
            return execute(place, "SELECT rowid, originator_id, originator_version FROM stored_events ORDER BY rowid")
        case "ids":
            query = "SELECT notification_id, originator_id, originator_version FROM stored_events ORDER BY 1"
            return execute(place, query)
        case "commands":
            return execute(place, "SELECT * FROM commands ORDER BY scope, command_id")
        case _:
            return execute(place, "SELECT originator_id, originator_version, topic FROM stored_events ORDER BY 1, 2")


async def test_states_only_change_where_they_are_as_they_were_read_and_all_else_stays(place: Place) -> None:
    async with open_store(place, Scribe) as store:
        for number in range(5):
            await note(store, f"c{number % 2}", f"the secret {number}", str(number))
        before = [everything(place, table) for table in ("facts", "ids", "commands")]
        page = await store.stored(1, 2)
        assert [row.id for row in page] == [2, 3]
        assert not store.owes_anew()

        row = page[0]
        stale = (str(row.originator_id), row.originator_version, b"{}", b"[]")
        assert await store.rewrite([stale]) == 0
        assert await rewrite(store, "secret", "######") == 5
        assert await rewrite(store, "secret", "######") == 0
        await store.begin_anew()

        assert [everything(place, table) for table in ("facts", "ids", "commands")] == before
        assert await store.read("c0", lambda c: c.texts) == ["the ###### 0", "the ###### 2", "the ###### 4"]
        # A command of before is answered from the facts as they are.
        again = await store.execute("c0", order("0"), lambda c: c.note("the secret 0"), lambda c: c.text)
        assert (again.repeated, "######" in again.view) == (True, True)
        assert store.owes_anew()
    async with open_store(place, Scribe) as store:
        assert store.owes_anew(), "nobody has said that all is done"
        await store.settle()
        assert not store.owes_anew()
        assert await note(store, "c1", "more", "more")


async def test_no_state_of_before_is_decided_on_or_kept_while_commands_go_on(place: Place) -> None:
    word = needle()
    async with open_store(place, Scribe) as store:
        await note(store, "c", word, "word")
        for number in range(EVERY):
            await add(store, "c", 1, str(number))
        assert word.encode() in bytes(execute(place, "SELECT state FROM snapshots")[0][0])

        stop = asyncio.Event()

        async def count() -> int:
            done = 0
            while not stop.is_set():
                await asyncio.gather(*(add(store, "c", 1, f"during-{done}-{number}") for number in range(20)))
                done += 20
            return done

        counting = asyncio.create_task(count())
        await add(store, "other", 1, "begun")
        assert await rewrite(store, word, "erased") == 1
        await store.begin_anew()
        # As many again, so that the state is kept once more.
        for number in range(EVERY):
            await add(store, "c", 1, f"after-{number}")
        stop.set()
        during = await counting
        assert await store.read("c", lambda c: (c.sum, word in c.texts)) == (2 * EVERY + during, False)
        kept = [bytes(state) for (state,) in execute(place, "SELECT state FROM snapshots WHERE originator_id = 'c'")]
        assert kept
        assert word.encode() not in b"".join(kept)


async def test_nothing_is_left_in_the_files_not_even_of_what_was_deleted_before(tmp_path: Path) -> None:
    word, older = needle(), needle()
    path = tmp_path / "count.db"
    async with open_store(path, Scribe) as store:
        await note(store, "c", word, "word")
        await add(store, "c", 1, "1")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
        # As earlier versions deleted: what stood there stays in the file.
        file.execute("PRAGMA secure_delete = OFF")
        file.execute("INSERT INTO snapshots VALUES ('x', 1, 'f', ?)", (older.encode() * 500,))
        file.execute("DELETE FROM snapshots")
    assert set().union(*in_folder(tmp_path, [word, older]).values()) == {word, older}
    async with open_store(path, Scribe) as store:
        assert await rewrite(store, word, "erased") == 1
        ids = everything(path, "ids")
        await store.begin_anew()
        assert in_folder(tmp_path, [word, older]) == {}
        assert everything(path, "ids") == ids
        assert await add(store, "c", 1, "2") == 2
        assert [n.id for n in await store.notifications(0)] == [1, 2, 3]
