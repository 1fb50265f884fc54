"""Whoever hides where they listen is hidden after restarts too, and when a block or a suspension puts them out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts import subjects
from contracts.people import v1 as people
from contracts.presence import v1 as presence
from contracts.room import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.service import Service, running
from services.room.main import compose
from services.room.settings import Settings
from tests.integration.room.conftest import Guests
from tests.integration.room.test_audience import Watch, watch  # noqa: F401  # a fixture
from tests.integration.room.test_people_on_stage import give, privacy, say, told
from tests.support.waiting import eventually


async def join(guests: Guests, who: str, session: str, *, hidden: bool) -> None:
    """Open a session, and an event stream with it."""
    await give(guests, who, v1.JoinSpace, session_id=session, hidden=hidden)
    await renew(guests.bus, guests, session, who, hidden=hidden)


async def renew(bus: Bus, guests: Guests, session: str, who: str, *, hidden: bool) -> None:
    lease = presence.Lease(
        space_id=guests.space,
        session_id=session,
        person_id=guests.ids[who],
        joined_at=datetime.now(UTC),
        hidden=hidden,
    )
    renewal = presence.Renewal(holder="x", leases=(lease,))
    partition = subjects.partition_of(guests.space, bus.settings.partitions)
    await bus.say(subjects.presence(partition), renewal.model_dump_json().encode())


async def listed(guests: Guests) -> set[str]:
    page = await guests.ask(v1.ParticipantsQuery(space_id=guests.space, actor=guests.ids["host"]))
    return {one.person.handle for one in page.people}


async def test_after_a_restart_of_room_nobody_is_listed_before_somebody_says_that_they_do_not_hide(
    bus: Bus, guests: Guests, env: dict[str, str]
) -> None:
    settings = Settings.read(env)
    shy, open_ = new_id(), new_id()
    async with running(settings, compose) as service:
        await eventually(lambda: not service.missing())
        await guests.create()
        await join(guests, "ann", shy, hidden=True)
        await join(guests, "bob", open_, hidden=False)
        # Media does not know who hides, and says nothing of it.
        for session, who in ((shy, "ann"), (open_, "bob")):
            await renew(bus, guests, session, who, hidden=True)
        assert await listed(guests) == {"bob"}
    async with running(settings, compose) as service:
        await eventually(lambda: not service.missing())
        for session, who in ((shy, "ann"), (open_, "bob")):
            await renew(bus, guests, session, who, hidden=True)

        async def both_counted() -> bool:
            return (await guests.count())[0] == 2

        await eventually(both_counted)
        assert await listed(guests) == set()
        # The gateway where they joined knows.
        await renew(bus, guests, shy, "ann", hidden=True)
        await renew(bus, guests, open_, "bob", hidden=False)

        async def bob_is_listed() -> bool:
            return await listed(guests) == {"bob"}

        await eventually(bob_is_listed)


async def test_a_holder_that_knows_no_better_lists_nobody_whose_account_hides(
    service: Service[Settings], bus: Bus, guests: Guests
) -> None:
    await guests.create()
    await say(guests, privacy(guests, "ann", protected=False, hides_listening=True))
    await guests.sign_up("later")
    await join(guests, "later", new_id(), hidden=False)
    session = new_id()
    await renew(bus, guests, session, "ann", hidden=True)

    async def two() -> bool:
        return (await guests.count())[0] == 2

    await eventually(two)
    for _ in range(3):
        await renew(bus, guests, session, "ann", hidden=False)
    marker = new_id()
    await guests.sign_up("marker")
    await renew(bus, guests, marker, "marker", hidden=False)

    async def marked() -> bool:
        return "marker" in await listed(guests)

    await eventually(marked)
    assert await listed(guests) == {"later", "marker"}


async def test_who_begins_to_hide_while_they_listen_is_on_no_list_from_then_on(
    service: Service[Settings], guests: Guests
) -> None:
    await guests.create()
    await join(guests, "ann", new_id(), hidden=False)
    assert await listed(guests) == {"ann"}
    await say(guests, privacy(guests, "ann", protected=False, hides_listening=True))

    async def gone() -> bool:
        return await listed(guests) == set()

    await eventually(gone)
    await guests.counted(1, 0)


async def test_no_event_of_presence_names_who_hides(
    service: Service[Settings],
    guests: Guests,
    watch: Watch,  # noqa: F811
) -> None:
    await guests.create()
    for who, hidden in (("ann", True), ("bob", False)):
        session = new_id()
        await join(guests, who, session, hidden=hidden)
        await guests.counted(1, 0)
        await give(guests, who, v1.LeaveSpace, session_id=session)
    await eventually(lambda: len(watch.of(presence.Left)) == 2)
    for kind in (presence.Joined, presence.Left):
        assert [event.person_id for event in watch.of(kind)] == [None, guests.ids["bob"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("why", ["blocked", "suspended"])
async def test_a_listener_is_out_because_of_a_block_and_nobody_else_is_told(
    service: Service[Settings], bus: Bus, guests: Guests, why: str
) -> None:
    await guests.create()
    ids = guests.ids
    await guests.speaker("bob")
    await join(guests, "ann", new_id(), hidden=True)
    await guests.sign_up("cy")
    await give(guests, "host", v1.Invite, person_id=ids["cy"])
    begin, end = (people.Blocked, people.Unblocked) if why == "blocked" else (people.Suspended, people.Reinstated)

    def about(kind: type[people.PersonEvent], who: str) -> people.PersonEvent:
        if why == "blocked":
            return kind.model_validate({**told(guests, "host"), "blocked_id": ids[who]})
        return kind.model_validate({**told(guests, who), **({"reason": "spam"} if kind is people.Suspended else {})})

    for who in ("ann", "bob", "cy"):
        await say(guests, about(begin, who))

    async def all_out() -> bool:
        return {ids[who] for who in ("ann", "bob", "cy")} <= set((await guests.see(follower=True)).removed)

    await eventually(all_out)
    assert set((await guests.see("host")).removed) == {ids["bob"], ids["cy"]}, "hosts saw these two"
    await say(guests, about(end, "ann"))

    async def ann_is_back() -> bool:
        return ids["ann"] not in (await guests.see(follower=True)).removed

    await eventually(ann_is_back)
    seen: dict[str, list[tuple[str, bool | None]]] = {}
    async for batch in bus.follow(filters=[subjects.event("room", guests.space, "*")]):
        for received in batch:
            event = received.event
            if isinstance(event, v1.Removed | v1.RemovalRecorded | v1.Readmitted):
                flag = None if isinstance(event, v1.RemovalRecorded) else event.listened
                seen.setdefault(event.person_id, []).append((event.name, flag))
        if len(seen.get(ids["ann"], ())) >= 2:
            break
    assert seen[ids["ann"]] == [("removed", True), ("readmitted", True)], "and no reason is recorded for the hosts"
    for who in ("bob", "cy"):
        assert seen[ids[who]] == [("removed", False), ("removal_recorded", None)]
