"""Suspensions that end by themselves: when it is time, also after a restart, each once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from contracts import subjects
from contracts.people import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.service import running
from services.people.main import compose
from services.people.settings import Settings
from tests.integration.people.asking import sign_up
from tests.integration.people.test_moderation import OPERATOR, log
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, eventually

SOON = 2.0
"""Seconds, in which a busy machine still gives the order and what is to come before the end."""


async def suspend(bus: Bus, person: v1.Person, *, seconds: float) -> datetime:
    """When it ends."""
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    await bus.ask(
        v1.Suspend(command_id=new_id(), actor=OPERATOR, operator=True, person_id=person.id, reason="abuse", until=until)
    )
    return until


async def ends(bus: Bus, *people: v1.Person) -> list[v1.Reinstated]:
    """Every end that was told, as soon as each of these people has one."""
    told: list[v1.Reinstated] = []
    async with asyncio.timeout(LIMIT):
        async for batch in bus.follow(filters=[subjects.event("people", "*", "reinstated")]):
            told += [received.event for received in batch if isinstance(received.event, v1.Reinstated)]
            if {person.id for person in people} <= {one.person_id for one in told}:
                break
    return told


async def test_a_suspension_ends_when_it_is_time_also_one_that_was_over_while_nobody_was_there(
    server: NatsServer, bus: Bus
) -> None:
    settings = Settings.read(server.env)
    async with running(settings, compose):
        ann, bob, eve = [await sign_up(bus, handle) for handle in ("ann", "bob", "eve")]
        await suspend(bus, bob, seconds=600)
        await suspend(bus, eve, seconds=600)
        await suspend(bus, ann, seconds=600)
        await bus.ask(v1.LodgeAppeal(command_id=new_id(), actor=ann.id, text="Not me."))
        await suspend(bus, ann, seconds=SOON)  # shorter than it was
        (first,) = await ends(bus, ann)
        assert first.lapsed
        (appeal,) = (await bus.ask(v1.AppealsQuery(actor=ann.id))).result.appeals
        assert appeal.state is v1.AppealState.LAPSED
        follow = v1.Follow(command_id=new_id(), actor=ann.id, followee_id=bob.id)
        await bus.ask(follow)
        over = await suspend(bus, bob, seconds=SOON)
    await eventually(lambda: datetime.now(UTC) > over)
    async with running(settings, compose):
        told = await ends(bus, ann, bob)
        assert sorted(one.person_id for one in told) == sorted([ann.id, bob.id])
        (lapsed, *_) = await log(bus, person_id=bob.id)
        assert (lapsed.act, lapsed.actor_id) == ("suspension_lapsed", None)
        assert [entry.act for entry in await log(bus, person_id=eve.id)] == ["suspended"]
    (settings.var / "stores" / "people-moderation.db").unlink()
    async with running(settings, compose):
        await suspend(bus, eve, seconds=SOON)
        assert len(await ends(bus, ann, bob, eve)) == 3, "eve's, which is the last, and no other once more"
