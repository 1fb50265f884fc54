"""A crowd that asks, is invited and is thrown out keeps nobody from giving orders."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from contracts.commands import Query, R
from contracts.room import v1
from contracts.room.follow import snapshot
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.room.conftest import Guests
from tests.integration.room.test_people_on_stage import give, refused

pytestmark = pytest.mark.usefixtures("service")
T = TypeVar("T")
NATS_CARRIES = 1024 * 1024
RAID = 5_000
WIDE = "\U0001f41d"


async def each(things: Iterable[T], act: Callable[[T], Awaitable[object]]) -> None:
    """Do it for all of them, a few at a time."""
    free = asyncio.Semaphore(10)

    async def one(thing: T) -> None:
        async with free:
            await act(thing)

    async with asyncio.TaskGroup() as all_of_them:
        for thing in things:
            all_of_them.create_task(one(thing))


def size(space: v1.Space) -> int:
    return len(space.model_dump_json().encode())


async def test_a_full_queue_and_open_invitations_leave_room_for_commands(guests: Guests) -> None:
    waiting, asked = [f"w{n}" for n in range(200)], [f"i{n}" for n in range(500)]
    await guests.sign_up(*waiting, *asked, "late")
    await guests.create()

    async def ask(name: str) -> None:
        await guests.join(name)
        await give(guests, name, v1.RequestToSpeak, message=WIDE * 280)

    # Those who ask are told of their own request only: asked last, they have short answers.
    await each(asked, lambda name: give(guests, "host", v1.Invite, person_id=guests.ids[name]))
    assert await refused(guests, "host", v1.Invite, person_id=guests.ids["late"]) == "too_many_invitations"
    await each(waiting, ask)
    await guests.join("late")
    assert await refused(guests, "late", v1.RequestToSpeak) == "queue_full"
    for number in range(20):
        link = f"https://example.org/{number}/".ljust(2048, WIDE)
        await give(guests, "host", v1.PinLink, pin_id=new_id(), url=link, text=WIDE * 280)
    one_more = {"pin_id": new_id(), "url": "https://example.org/", "text": ""}
    assert await refused(guests, "host", v1.PinLink, **one_more) == "too_many_pins"

    full = await give(guests, "host", v1.DeclineRequest, person_id=guests.ids["w0"])
    assert (len(full.requests), len(full.invitations), len(full.pins)) == (199, 500, 20)
    assert size(full) < NATS_CARRIES * 0.8
    await give(guests, "late", v1.RequestToSpeak)


async def test_a_raid_of_thousands_stops_no_host_from_removing_people(guests: Guests) -> None:
    await guests.create()
    raiders = [new_id() for _ in range(RAID)]
    await each(raiders, lambda who: give(guests, "host", v1.RemovePerson, person_id=who))
    last = await give(guests, "host", v1.RemovePerson, person_id=guests.ids["bob"])
    assert last.removed[-1] == guests.ids["bob"]
    assert size(last) < 10_000
    assert await refused(guests, "bob", v1.RequestToSpeak) == "removed"

    async def ask(query: Query[R]) -> R:
        return await guests.ask(query)

    followed = await snapshot(guests.space, ask)
    assert set(followed.removed) == {*raiders, guests.ids["bob"]}
    page = v1.SpacePeopleQuery(space_id=guests.space, actor=guests.ids["host"], which=v1.PeopleList.REMOVED, limit=500)
    assert list((await guests.ask(page)).ids) == sorted(followed.removed)[:500]
    assert await refused(guests, "ann", v1.SpacePeopleQuery, which="removed") == "not_host"
    await give(guests, "host", v1.ReadmitPerson, person_id=raiders[0])
    assert raiders[0] not in (await snapshot(guests.space, ask)).removed


async def test_a_host_has_three_live_spaces_however_many_are_created_at_once(guests: Guests) -> None:
    def create(start: datetime | None = None) -> v1.CreateSpace:
        return v1.CreateSpace(
            command_id=new_id(),
            actor=guests.ids["host"],
            space_id=new_id(),
            settings=v1.Settings(title="On bees"),
            scheduled_start=start,
        )

    later = create(datetime.now(UTC) + timedelta(days=1))
    await guests.order(later)
    commands = [create() for _ in range(8)]
    answers = await asyncio.gather(*(guests.order(c) for c in commands), return_exceptions=True)
    assert sorted(a.reason for a in answers if isinstance(a, Refusal)) == ["too_many_live"] * 5
    live = [c for c, a in zip(commands, answers, strict=True) if not isinstance(a, BaseException)]
    assert (await guests.order(live[0])).result.id == live[0].space_id, "sent again, it is answered as before"
    start = v1.StartSpace(command_id=new_id(), actor=guests.ids["host"], space_id=later.space_id)
    with pytest.raises(Refusal, match="too_many_live"):
        await guests.order(start)
    await guests.create("ann")
    await guests.order(v1.EndSpace(command_id=new_id(), actor=guests.ids["host"], space_id=live[0].space_id))
    await guests.order(start.model_copy(update={"command_id": new_id()}))
    with pytest.raises(Refusal, match="too_many_live"):
        await guests.order(create())
