"""A long aggregate opens from its last snapshot, which is never more than a shortcut."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from libs.database import Place
from libs.eventstore import Fact, Meta, State, Store, open_recorder, open_store, rebuild
from libs.eventstore.snapshots import EVERY, fingerprint, freeze, thaw
from libs.ids import new_id
from services.people import domain as people
from services.recording.domain import Recording
from services.room.domain import Space
from services.tipping import app as tipping
from services.transcription.domain import Transcript
from tests.integration.eventstore.counting import Added, Counter, order
from tests.support.places import execute

COUNTER = "c" + new_id()


class Watched(Counter):
    """Knows how many facts it was given in this process."""

    applied = 0

    def apply(self, fact: Fact, meta: Meta) -> None:
        Watched.applied += 1
        super().apply(fact, meta)


async def fill(place: Place, count: int) -> None:
    async with open_store(place, Watched) as store:
        await store.execute(COUNTER, order("all"), lambda c: [Added(number=1)] * count, lambda c: None)


async def one_more(store: Store[Watched], id: str) -> None:
    await store.execute(COUNTER, order(id), lambda c: c.add(1), lambda c: None)


async def opened(place: Place) -> tuple[int, int, int]:
    """Sum and version of the counter as a new process finds it, and how many facts that took."""
    async with open_store(place, Watched) as store:
        Watched.applied = 0
        seen = await store.read(COUNTER, lambda c: (c.sum, c.version))
        return *seen, Watched.applied


async def test_only_what_came_after_the_snapshot_is_applied(place: Place) -> None:
    await fill(place, 1_000 * EVERY)
    async with open_store(place, Watched) as store:
        for number in range(7):
            await one_more(store, f"k{number}")
    assert await opened(place) == (1_000 * EVERY + 7, 1_000 * EVERY + 7, 7)


async def test_a_snapshot_of_other_code_or_that_cannot_be_read_is_as_good_as_none(place: Place) -> None:
    await fill(place, EVERY)
    for column, value in (("fingerprint", "older"), ("state", b"\x80\x05")):
        execute(place, f"UPDATE snapshots SET {column} = ?", value)
        assert execute(place, f"SELECT {column} FROM snapshots") == [(value,)]
        assert await opened(place) == (EVERY, EVERY, EVERY)


async def test_a_store_of_an_older_release_gets_them(place: Place) -> None:
    await fill(place, EVERY - 1)
    execute(place, "DROP TABLE snapshots")
    async with open_store(place, Watched) as store:
        await one_more(store, "one more")
    assert await opened(place) == (EVERY, EVERY, 0)


async def test_inspection_reads_facts_and_no_snapshot(place: Place) -> None:
    await fill(place, EVERY)
    execute(place, "UPDATE snapshots SET state = ?", b"\0")
    recorder = open_recorder(place, read_only=True)
    assert rebuild(recorder, COUNTER, Watched).sum == EVERY
    recorder.close()


@pytest.mark.parametrize("new", [Space, people.new, tipping.new, Recording, Transcript])
def test_every_service_s_state_can_be_kept(new: Callable[[str], State]) -> None:
    id = new_id()
    state = new(id)
    assert fingerprint(type(state))
    kept = freeze(state)
    assert kept is not None
    again = thaw(kept, new(id))
    assert again is not None
    assert vars(again) == vars(state)
