"""Which events are due to a webhook: no Space keeps another waiting, and nothing is left that cannot be sent."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.tables import Tables, open_tables
from services.notifications.adapters.deliveries import SCHEMA, Attempt, Deliveries, Progress
from services.notifications.adapters.due import Due
from services.notifications.adapters.kept_events import Kept, forget_lane, keep

HOOK = "hook"
SPACES = [f"space-{number}" for number in range(6)]


@pytest.fixture
async def tables(tmp_path: Path) -> AsyncIterator[Tables]:
    async with open_tables(tmp_path / "deliveries.db", SCHEMA) as tables:
        await tables.run(lambda db: db.execute("INSERT INTO place VALUES (1, 'epoch', 0, 0, 'name')"))
        yield tables


def wants(_: str) -> bool:
    return True


async def happens(tables: Tables, *lanes: str) -> Deliveries:
    """A webhook that has taken in an event of each of these lanes at time 10."""
    found = Deliveries(tables)
    await found.begin(HOOK, 0.0)
    events = [Kept(n, f"e{n}", "room.started", lane, lane, 10.0, "", "") for n, lane in enumerate(lanes, start=1)]
    await tables.run(lambda db: [keep(db, event, 10.0) for event in events])
    await found.take_in(HOOK, wants, 10.0)
    return found


async def settled(
    found: Deliveries, due: list[Due], at: float, *, again: float | None, overtaken: bool = False
) -> None:
    outcome = "delivered" if again is None else "failed"
    attempts = [Attempt(one, at, outcome, None, "", 0, again, overtaken) for one in due]
    await found.settle(HOOK, attempts, Progress(0, 0, None, at, 0.0))


async def test_a_space_whose_turn_came_late_is_not_hidden_by_those_that_are_through(tables: Tables) -> None:
    found = await happens(tables, *SPACES)
    due, _ = await found.due(HOOK, wants, 10.0, 6, [], soonest=False)
    assert [one.event.lane for one in due] == SPACES
    stuck, through = due[:1], due[1:]
    await settled(found, through, 11.0, again=None)
    await settled(found, stuck, 12.0, again=13.0)
    due, later = await found.due(HOOK, wants, 20.0, 2, [], soonest=False)
    assert [one.event.id for one in due] == ["e1"]
    assert later is None


async def test_events_of_one_space_that_stand_alone_hide_no_other_space(tables: Tables) -> None:
    found = await happens(tables, *[SPACES[0]] * 8, SPACES[1])
    for _ in range(9):
        due, _ = await found.due(HOOK, wants, 10.0, 1, [], soonest=False)
        await settled(found, due, 10.0, again=20.0, overtaken=True)
    due, _ = await found.due(HOOK, wants, 30.0, 2, [], soonest=False)
    assert [one.event.id for one in due] == ["e1", "e9"]
    due, _ = await found.due(HOOK, wants, 30.0, 2, [SPACES[0]], soonest=False)
    assert [one.event.id for one in due] == ["e9"]


async def test_nothing_waits_that_was_forgotten_while_it_was_sent(tables: Tables) -> None:
    found = await happens(tables, SPACES[0])
    due, _ = await found.due(HOOK, wants, 10.0, 1, [], soonest=False)
    await tables.run(lambda db: forget_lane(db, SPACES[0], ()))
    await settled(found, due, 10.0, again=20.0, overtaken=True)
    assert (await found.due(HOOK, wants, 30.0, 1, [], soonest=False))[0] == []
    assert (await found.standing(HOOK))[1:] == (0, 0)
