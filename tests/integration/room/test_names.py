"""People are stored by their ids, and told by what they are called now."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Final

from contracts import subjects
from contracts.envelope import Event, PersonRef
from contracts.people import v1 as people
from contracts.room import v1
from libs.bus import Bus
from libs.bus.opening import Opening
from libs.eventstore.facts import encode
from libs.ids import new_id
from libs.names import NOBODY
from libs.refusal import Refusal
from libs.service import Service, running
from services.people.main import compose as compose_people
from services.people.settings import Settings as PeopleSettings
from services.room.main import compose, inspect, stored_facts
from services.room.settings import Settings
from tests.integration.room.conftest import Guests
from tests.integration.room.test_upgrade import ACCEPTED, upgraded
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT, eventually

__all__ = ["upgraded"]  # a fixture
SPACE: Final[str] = ACCEPTED[0]["body"]["space_id"]
HOST: Final[str] = ACCEPTED[0]["body"]["actor"]
ANN: Final[str] = ACCEPTED[1]["body"]["actor"]


async def rename(bus: Bus, person_id: str, handle: str, name: str) -> None:
    event = people.ProfileChanged(
        person_id=person_id, version=9, at=datetime.now(UTC), handle=handle, display_name=name
    )
    await bus.publish_event(event)


async def told(bus: Bus, last: type[Event], words: Opening | None = None) -> list[Event]:
    """All that room has published, until an event of this type; with what people wrote where `words` opens it."""
    found: list[Event] = []
    async with asyncio.timeout(LIMIT):
        async for batch in bus.follow(filters=[subjects.events_of("room")], opening=words):
            found += [received.event for received in batch]
            if any(isinstance(event, last) for event in found):
                break
    return found


async def test_a_new_name_is_in_every_answer_from_then_on_and_no_event_has_any(
    env: dict[str, str], guests: Guests, service: Service[Settings]
) -> None:
    await guests.create()
    await guests.speaker("ann")
    await guests.join("bob")
    await rename(guests.bus, guests.ids["ann"], "ann_b", "Ann B.")

    async def seen() -> bool:
        return [member.person.name for member in (await guests.see()).stage] == ["Host", "Ann B."]

    await eventually(seen)
    ann, space = guests.ids["ann"], guests.space
    pin = v1.PinLink(command_id=new_id(), actor=ann, space_id=space, pin_id=new_id(), url="https://example.org/")
    answer = await guests.order(pin)
    assert [one.person.handle for one in answer.result.pins] == ["ann_b"]
    partition = subjects.partition_of(space, service.settings.partitions)

    async def listed() -> list[list[str]]:
        page = (await guests.bus.ask(v1.LiveSpacesQuery(partition=partition), route=str(partition))).result
        return [[person.name for person in live.stage] for live in page.spaces]

    assert await eventually(listed) == [["Host", "Ann B."]]
    events = await told(guests.bus, v1.Pinned)
    (joined,) = [event for event in events if isinstance(event, v1.StageJoined)]
    (pinned,) = [event for event in events if isinstance(event, v1.Pinned)]
    assert joined.person == pinned.pin.person == PersonRef.of(ann)
    rebuilt = inspect(env, space)
    assert rebuilt is not None
    assert [member.person.name for member in rebuilt.stage] == ["Host", "Ann B."]
    stored = b"".join(encode(fact.record) for fact in stored_facts(env, space))
    assert ann.encode() in stored
    assert not any(name in stored for name in (b"Ann", b"ann_b", b'"handle"', b'"name"'))


async def test_names_of_an_earlier_version_are_not_told(upgraded: dict[str, str], bus: Bus) -> None:
    async with running(Settings.read(upgraded), compose) as service:
        await eventually(lambda: not service.missing())
        events = await told(bus, v1.Muted)
        (created,) = [event for event in events if isinstance(event, v1.Created)]
        (asked,) = [event for event in events if isinstance(event, v1.SpeakRequested)]
        assert (created.host, asked.person) == (PersonRef.of(HOST), PersonRef.of(ANN))
        guests = Guests(bus)
        guests.space = SPACE
        await guests.sign_up(harriet=HOST)
        await guests.sign_up(anna=ANN)
        assert [member.person.name for member in (await guests.see(follower=True)).stage] == ["Harriet", "Anna"]


async def test_whoever_the_people_service_knows_nothing_of_is_a_deleted_account(
    upgraded: dict[str, str], nats: NatsServer, bus: Bus
) -> None:
    guests = Guests(bus)
    guests.space = SPACE
    await guests.sign_up(harriet=HOST)
    async with (
        running(PeopleSettings.read(nats.env), compose_people),
        running(Settings.read(upgraded), compose) as service,
    ):
        await eventually(lambda: not service.missing())

        async def names() -> list[str]:
            with contextlib.suppress(Refusal):  # unavailable until then
                return [member.person.name for member in (await guests.see(follower=True)).stage]
            return []

        assert await eventually(names) == ["Harriet", NOBODY]


async def test_an_answer_waits_for_names_that_only_the_people_service_can_tell_to_be_unknown(
    upgraded: dict[str, str], nats: NatsServer, bus: Bus
) -> None:
    """After a restart nothing is left to publish, and the first who asks has it found out who is gone."""
    guests = Guests(bus)
    guests.space = SPACE
    await guests.sign_up(harriet=HOST)
    async with running(PeopleSettings.read(nats.env), compose_people):
        for _ in range(2):
            async with running(Settings.read(upgraded), compose) as service:
                await eventually(lambda: not service.missing())

                async def names() -> list[str]:
                    with contextlib.suppress(Refusal):  # unavailable until then
                        return [member.person.name for member in (await guests.see(follower=True)).stage]
                    return []

                assert await eventually(names) == ["Harriet", NOBODY]
