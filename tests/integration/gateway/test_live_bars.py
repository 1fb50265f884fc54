"""A change of many live bars, told to each of those who watch."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.discovery.v1 import BarChanged, BarsChanged
from libs.ids import new_id
from tests.integration.gateway.backend import Backend
from tests.integration.gateway.conftest import Running


def changed(*people: str) -> BarsChanged:
    return BarsChanged(at=datetime.now(UTC), person_ids=people, space_id=new_id(), card=None)


async def test_what_is_for_many_is_told_to_each_without_the_others(gateway: Running, behind: Backend) -> None:
    ann, bob, eve = new_id(), new_id(), new_id()
    async with (
        gateway.client(ann) as as_ann,
        gateway.client(bob) as as_bob,
        as_ann.events("/v1/live-bar/events") as anns,
        as_bob.events("/v1/live-bar/events") as bobs,
    ):
        await anns.until("snapshot")
        await bobs.until("snapshot")
        event = changed(ann, bob, eve)
        sequence = await behind.emit(event)
        await behind.emit(BarChanged(at=event.at, person_id=bob, space_id=event.space_id, card=None))
        for events, person in ((anns, ann), (bobs, bob)):
            told = await events.next()
            assert (told.event, told.sequence) == ("discovery.bar_changed", sequence)
            assert told.data["person_id"] == person
            assert set(told.data) == {"at", "person_id", "space_id", "card"}
        assert (await bobs.next()).sequence == sequence + 1


async def test_who_was_away_is_told_what_was_for_many(gateway: Running, behind: Backend) -> None:
    ann, eve = new_id(), new_id()
    async with gateway.client(ann) as client:
        async with client.events("/v1/live-bar/events") as events:
            last = (await events.next()).id
        await behind.emit(changed(eve))
        sequence = await behind.emit(changed(eve, ann))
        async with client.events("/v1/live-bar/events", last) as events:
            told = await events.next()
            assert (told.event, told.sequence, told.data["person_id"]) == ("discovery.bar_changed", sequence, ann)
            sequence = await behind.emit(changed(ann))
            assert (await events.next()).sequence == sequence
