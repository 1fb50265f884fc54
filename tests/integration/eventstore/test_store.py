"""The event store in real databases: what it answers is on disk, and happens once."""

import asyncio
import sqlite3
import sys
import threading
from collections import Counter as Tally
from pathlib import Path
from typing import Any

import pytest

from libs.database import Place
from libs.eventstore import Claim, SqliteRecorder, history, open_recorder, open_store, rebuild
from libs.eventstore.sqlite import looking_for
from libs.refusal import Refusal
from tests.integration.eventstore.counting import Counter, add, order
from tests.support.places import execute, in_words
from tests.support.waiting import LIMIT

HERE = "tests.integration.eventstore.counting"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stores" / "count.db"


async def test_an_answer_is_on_disk(place: Place) -> None:
    async with open_store(place, Counter) as store:
        assert await add(store, "c", 5, "1") == 5
        recorder = open_recorder(place, read_only=True)
        assert rebuild(recorder, "c", Counter).sum == 5
        recorder.close()


async def test_everybody_who_waits_for_news_has_them_and_nobody_misses_what_came_meanwhile(place: Place) -> None:
    async with open_store(place, Counter) as store, asyncio.timeout(LIMIT):
        waiting = [asyncio.create_task(store.wait_for_news(0, LIMIT)) for _ in range(3)]
        await asyncio.sleep(0)
        await add(store, "c", 1, "1")
        heard = await asyncio.gather(*waiting)
        assert len(set(heard)) == 1
        # Whoever was busy when the second came, and whoever waits already, are told; also when it is the other's turn.
        await add(store, "c", 2, "2")
        assert await store.wait_for_news(heard[0], LIMIT) == await store.wait_for_news(heard[1], LIMIT) > heard[0]
        assert await store.wait_for_news(heard[0] + 1, 0.01) == heard[0] + 1, "there is nothing new"


async def test_a_command_sent_again_is_answered_as_it_was_then_and_done_once(place: Place) -> None:
    async with open_store(place, Counter) as store:
        await add(store, "c", 5, "1")
        await add(store, "c", 7, "2")
        done = await store.execute("c", order("1"), lambda c: c.add(5), lambda c: c.sum)
        assert (done.view, done.version, done.repeated) == (5, 1, True)
    async with open_store(place, Counter) as store:
        assert await add(store, "c", 5, "1") == 5
        assert await store.read("c", lambda c: (c.sum, c.version)) == (12, 2)


async def test_the_same_command_sent_many_times_at_once_happens_once(place: Place) -> None:
    async with open_store(place, Counter) as store:
        sums = await asyncio.gather(*(add(store, "c", 3, "same") for _ in range(50)))
        assert sums == [3] * 50


async def test_a_refusal_is_decided_anew(place: Place) -> None:
    async with open_store(place, Counter) as store:
        with pytest.raises(Refusal, match="invalid"):
            await add(store, "c", -1, "1")
        await add(store, "c", 10, "2")
        assert await add(store, "c", -1, "1") == 9


async def test_an_id_belongs_to_one_actor_and_one_order(place: Place) -> None:
    async with open_store(place, Counter) as store:
        await store.execute("c", order("1", "ann", "a"), lambda c: c.add(1), lambda c: c.sum)
        done = await store.execute("c", order("1", "bob", "a"), lambda c: c.add(1), lambda c: c.sum)
        assert done.view == 2
        with pytest.raises(Refusal, match="idempotency_conflict"):
            await store.execute("c", order("1", "ann", "b"), lambda c: c.add(1), lambda c: c.sum)


async def test_a_command_that_changed_nothing_changes_nothing_later_either(place: Place) -> None:
    async with open_store(place, Counter) as store:
        done = await store.execute("c", order("1"), lambda c: [], lambda c: c.sum)
        assert (done.version, done.repeated) == (0, False)
        again = await store.execute("c", order("1"), lambda c: c.add(9), lambda c: c.sum)
        assert (again.view, again.repeated) == (0, True)


async def test_commands_at_once_follow_one_another(place: Place) -> None:
    async with open_store(place, Counter) as store:
        sums = await asyncio.gather(*(add(store, "c", 1, str(n)) for n in range(1_000)))
        assert sums == list(range(1, 1_001))
    recorder = open_recorder(place, read_only=True)
    assert [s.originator_version for s in history(recorder, "c")] == list(range(1, 1_001))
    assert rebuild(recorder, "c", Counter, at=400).sum == 400
    recorder.close()


async def test_two_processes_that_write_the_same_aggregates_lose_and_double_nothing(place: Place) -> None:
    async with open_store(place, Counter) as one, open_store(place, Counter) as other:
        await asyncio.gather(
            *(add((one, other)[n % 2], f"c{n % 3}", 1, str(n)) for n in range(300)),
            *(add((other, one)[n % 2], f"c{n % 3}", 1, str(n)) for n in range(300)),
        )
        sums = [(await one.load(f"c{n}")).sum for n in range(3)]
    assert sums == [100, 100, 100]


async def test_one_name_is_held_by_one(place: Place) -> None:
    async with open_store(place, Counter) as store:

        async def take(counter: str, id: str) -> None:
            await store.execute(
                counter, order(id), lambda c: c.add(1), lambda c: None, claims=[Claim("handle", "ann", counter)]
            )

        results = await asyncio.gather(*(take(f"c{n}", str(n)) for n in range(8)), return_exceptions=True)
        taken = [r for r in results if isinstance(r, Refusal) and r.reason == "name_taken"]
        assert len(taken) == 7
        winner = store.claimed("handle", "ann")
        assert winner is not None
        assert [(await store.load(f"c{n}")).sum for n in range(8)].count(1) == 1
        free = [Claim("handle", "ann", None)]
        await store.execute(winner, order("free"), lambda c: c.add(1), lambda c: None, claims=free)
        await take("new", "again")
        assert store.claimed("handle", "ann") == "new"


async def test_a_name_that_was_given_back_is_in_no_file(place: Place) -> None:
    async with open_store(place, Counter) as store:

        async def claim(id: str, *claims: Claim) -> None:
            await store.execute("c", order(id), lambda c: c.add(1), lambda c: None, claims=claims)

        await claim("1", Claim("handle", "needle", "c"), Claim("handle", "other", "c"), Claim("word", "third", "c"))
        assert sorted(await store.names_of("handle", "c")) == ["needle", "other"]
        assert await store.names_of("handle", "nobody") == []
        await claim("2", Claim("handle", "needle", None))
        await store.wipe()
        assert await store.names_of("handle", "c") == ["other"]
        if isinstance(place, Path):
            files = [path for path in place.parent.iterdir() if path.name.startswith(place.name)]
            assert not [path for path in files if b"needle" in path.read_bytes()]
            assert [path for path in files if b"other" in path.read_bytes()]


async def test_what_no_database_takes_is_refused_and_everything_else_goes_on(place: Place) -> None:
    half = "\ud800"  # of a surrogate pair: no text
    async with open_store(place, Counter) as store:

        async def claim(name: str, id: str) -> int:
            claims = [Claim("word", name, id)]
            return (await store.execute(id, order(id), lambda c: c.add(1), lambda c: c.sum, claims=claims)).view

        first = await asyncio.gather(claim("a", "1"), claim(half, "2"), claim("b", "3"), return_exceptions=True)
        assert [first[0], first[2]] == [1, 1]
        assert isinstance(first[1], Exception)
        assert await claim("c", "2") == 1


async def test_a_repeated_command_is_found_without_reading_all_that_ever_were(path: Path) -> None:
    async with open_store(path, Counter):
        database = sqlite3.connect(path)
        keys = [part for n in range(200) for part in ("ann", str(n))]
        plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {looking_for(200)}", keys)]
        database.close()
    assert any(step.startswith("SEARCH c USING PRIMARY KEY (scope=? AND command_id=?)") for step in plan), plan
    assert not any(step.startswith("SCAN c") for step in plan), plan


async def test_it_is_not_closed_under_a_thread_that_reads_on_for_nobody(path: Path) -> None:
    recorder = SqliteRecorder(path)
    begun, go_on = threading.Event(), threading.Event()

    def read() -> Any:
        with recorder.datastore.transaction(commit=False) as cursor:
            begun.set()
            go_on.wait(LIMIT)
            cursor.execute("SELECT count(*) FROM stored_events")
            return tuple(cursor.fetchone())

    reading = asyncio.create_task(asyncio.to_thread(read))
    await asyncio.to_thread(begun.wait, LIMIT)
    closing = asyncio.create_task(asyncio.to_thread(recorder.close))
    await asyncio.wait({closing}, timeout=0.3)
    assert not closing.done()
    go_on.set()
    assert await reading == (0,)
    await closing


async def test_a_locked_database_refuses_for_now_and_recovers(path: Path) -> None:
    async with open_store(path, Counter) as store:
        await add(store, "c", 1, "1")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Refusal) as no:
            await add(store, "c", 1, "2")
        assert no.value.retry
        assert store.trouble() is not None
        other.execute("ROLLBACK")
        other.close()
        assert await add(store, "c", 1, "2") == 2
        assert store.trouble() is None


async def test_a_full_disk_refuses_for_now_keeps_what_was_answered_and_recovers(path: Path) -> None:
    path.parent.mkdir()
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", HERE, "fill", str(path))
    assert await asyncio.wait_for(child.wait(), LIMIT) == 0


async def test_a_store_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_text("this is no database, but long enough to look like a file of one" * 20)
    with pytest.raises(OSError, match=r"broken\.db"):
        async with open_store(broken, Counter):
            pass
    with pytest.raises(OSError, match=r"nothing\.db"):
        SqliteRecorder(tmp_path / "nothing.db", read_only=True)


async def test_killed_again_and_again_while_writing_no_answer_is_lost_and_none_is_doubled(place: Place) -> None:
    answered: list[str] = []
    for life in range(6):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", HERE, "count", in_words(place), str(life), stdout=asyncio.subprocess.PIPE
        )
        assert child.stdout is not None
        told = b""
        # Killed after so many answers, in the middle of what comes next.
        while told.count(b"\n") < 150 + 37 * life:
            more = await child.stdout.read(65536)
            assert more, "it died by itself"
            told += more
        child.kill()
        told += await child.stdout.read()
        await child.wait()
        answered.extend(told.decode().split())
    recorder = open_recorder(place, read_only=True)
    written = Tally(s.record.command_id for n in range(5) for s in history(recorder, f"c{n}"))
    for n in range(5):
        versions = [s.originator_version for s in history(recorder, f"c{n}")]
        assert versions == list(range(1, len(versions) + 1))
    recorder.close()
    assert max(written.values()) == 1
    assert set(answered) <= set(written)
    assert {row[0] for row in execute(place, "SELECT command_id FROM commands")} == set(written)


async def test_the_log_is_in_the_order_of_commits_with_several_writers_and_has_no_holes(place: Place) -> None:
    async with open_store(place, Counter) as one, open_store(place, Counter) as other:
        work = asyncio.gather(*(add((one, other)[n % 2], f"c{n}", 1, str(n)) for n in range(400)))
        seen: list[int] = []
        while not (work.done() and len(seen) == 400):
            seen += [n.id for n in await one.notifications(seen[-1] if seen else 0, 1_000)]
        await work
        assert seen == list(range(1, 401))
        assert await other.last_notification() == 400
        assert [n.id for n in await other.notifications(390, 5)] == list(range(391, 396))


async def test_followers_are_told_the_same_from_memory_as_from_the_database(place: Place) -> None:
    async with (
        open_store(place, Counter) as one,
        open_store(place, Counter) as other,
        open_store(place, Counter) as new,
    ):
        number = iter(range(10_000))
        for turn, store in enumerate((one, one, other, one, other, other, one)):
            # A group of commits, some without a fact; the two write the same aggregates.
            await asyncio.gather(*(add(store, f"c{n % 3}", n % 4, str(next(number))) for n in range(turn, turn + 20)))
        stored = await new.notifications(0)
        assert [notification.id for notification in stored] == list(range(1, len(stored) + 1))
        for store in (one, other):
            told = [store.newest(after, 7) for after in range(len(stored) + 2)]
            assert max(map(len, told)) == 7
            assert told == [stored[after : after + len(some)] for after, some in enumerate(told)]
            assert told[0] == [], "what the other one committed lies between"
        assert one.newest(len(stored) - 1) == stored[-1:]
        assert other.newest(len(stored) - 1) == []


async def test_no_more_than_the_newest_facts_are_kept_in_memory(place: Place) -> None:
    async with open_store(place, Counter) as store:
        for begin in range(0, 10_000, 500):
            await asyncio.gather(*(add(store, "c", 1, str(begin + n)) for n in range(500)))
        for after in (0, 100, 1_999, 10_000):
            assert store.newest(after, 10) == []
        for after in (2_000, 2_001, 9_999):
            assert [notification.id for notification in store.newest(after, 10)] == [
                *range(after + 1, min(after + 10, 10_000) + 1)
            ]
