"""What people write in a Space is in no file of room as they wrote it, and unreadable once it was taken back or they
were erased. Room and people are the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts import subjects
from contracts.envelope import PersonRef
from contracts.people import v1 as people
from contracts.room import v1
from libs.bus import Bus
from libs.bus.opening import Opening
from libs.eventstore import Order, open_store
from libs.ids import new_id
from libs.refusal import Refusal
from libs.service import running
from services.people.main import compose as compose_people
from services.people.settings import Settings as PeopleSettings
from services.room.domain.facts import Created, Pinned, Started
from services.room.domain.space import Space
from services.room.domain.values import Person
from services.room.domain.values import Settings as Chosen
from services.room.main import compose
from services.room.settings import Settings
from tests.integration.people.asking import sign_up
from tests.integration.people.test_keys import forgotten
from tests.integration.room.conftest import Guests
from tests.integration.room.test_names import told
from tests.support.at_rest import contents
from tests.support.nats import NatsServer
from tests.support.places import execute
from tests.support.waiting import LIMIT, eventually

NEEDLES = (
    "https://needle.example/link",
    "needle text Grüße",
    "https://needle.example/other",
    "please",
    "shouting",
    "Needles and bees",
    "Needles and wasps",
    "Dashwood",
)
LINK, TEXT, OTHER, MESSAGE, WHY, TITLE, CHANGED, WORD = NEEDLES
PIN = new_id()


def found(env: dict[str, str]) -> set[str]:
    """The needles that some file of room has: a fact, a snapshot, a read model."""
    data = b"".join(held for path, held in contents(Path(env["ROSTRUM_VAR"])) if path.name.startswith("room"))
    assert data
    return {needle for needle in NEEDLES if needle.encode() in data}


@asynccontextmanager
async def room(env: dict[str, str]) -> AsyncIterator[None]:
    async with running(Settings.read(env), compose) as service:
        await eventually(lambda: not service.missing())
        yield


@asynccontextmanager
async def keys(nats: NatsServer, lease: float = 300.0) -> AsyncIterator[None]:
    settings = PeopleSettings.read({**nats.env, "ROSTRUM_PEOPLE_KEY_LEASE": str(lease)})
    async with running(settings, compose_people) as service:
        await eventually(lambda: not service.missing())
        yield


@pytest.fixture
def guests(bus: Bus) -> Guests:
    return Guests(bus)


async def come(guests: Guests, *names: str) -> None:
    for name in names:
        guests.ids[name] = (await sign_up(guests.bus, name)).id


async def pin(guests: Guests, by: str = "host", url: str = LINK, text: str = TEXT, pin_id: str = PIN) -> v1.Space:
    order = v1.PinLink(
        command_id=new_id(), actor=guests.ids[by], space_id=guests.space, pin_id=pin_id, url=url, text=text
    )
    return (await guests.order(order)).result


async def unpin(guests: Guests) -> v1.Space:
    return (
        await guests.order(v1.Unpin(command_id=new_id(), actor=guests.ids["host"], space_id=guests.space, pin_id=PIN))
    ).result


async def first_forgotten(bus: Bus, count: int = 1) -> list[tuple[str, str | None]]:
    """The first so many things that are told to be forgotten: what, and which unit."""
    told: list[tuple[str, str | None]] = []
    async with asyncio.timeout(LIMIT):
        async for batch in bus.follow(filters=[subjects.event("people", "*", people.Forgotten.name)]):
            told += [(one.event.what, one.event.unit) for one in batch if isinstance(one.event, people.Forgotten)]
            if len(told) >= count:
                break
    return told


async def erase(bus: Bus, *names: str) -> None:
    order = people.DestroySubjects(command_id=new_id(), subjects=names)
    await forgotten(bus, (await bus.ask(order)).result.number)


async def change(guests: Guests, by: str = "host", **wanted: object) -> v1.Space:
    fields = {"command_id": new_id(), "actor": guests.ids[by], "space_id": guests.space, **wanted}
    return (await guests.order(v1.ChangeSettings.model_validate(fields))).result


async def test_a_title_and_a_word_list_are_sealed_at_rest_and_gone_with_who_wrote_them(
    env: dict[str, str], nats: NatsServer, guests: Guests, words: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.eventstore.snapshots.EVERY", 3)
    partition = subjects.partition_of(guests.space, Settings.read(env).partitions)

    async def live_title() -> str:
        (space,) = (await guests.bus.ask(v1.LiveSpacesQuery(partition=partition), route=str(partition))).result.spaces
        return space.title

    async with keys(nats, lease=1.0):
        await come(guests, "host", "ann")
        host, ann = guests.ids["host"], guests.ids["ann"]
        async with room(env):
            order = v1.CreateSpace(
                command_id=new_id(), actor=host, space_id=guests.space, settings=v1.Settings(title=TITLE), words=(WORD,)
            )
            created = await guests.order(order)
            assert (created.result.settings.title, created.result.words) == (TITLE, (WORD,))
            assert await guests.order(order) == created
            assert (await guests.see("ann")).settings.title == TITLE
            # The same words sealed once more are other bytes; they are no change all the same.
            same = await change(guests, title=TITLE)
            assert same.version == created.version
            rewritten = v1.ChangeWords(command_id=new_id(), actor=host, space_id=guests.space, words=(WORD,))
            assert (await guests.order(rewritten)).version == created.version
            await guests.speaker("ann")
            appoint = v1.AppointCohost(command_id=new_id(), actor=host, space_id=guests.space, person_id=ann)
            await guests.order(appoint)
            hand_over = v1.HandOver(command_id=new_id(), actor=host, space_id=guests.space, person_id=ann)
            assert (await guests.order(hand_over)).result.settings.title == TITLE
            assert (await change(guests, by="ann", topics=("bees",))).settings.title == TITLE
            events = await told(guests.bus, v1.SettingsChanged, words)
            told_titles = [
                e.settings.title for e in events if isinstance(e, v1.Created | v1.Started | v1.SettingsChanged)
            ]
            assert told_titles == [TITLE] * 3
            assert [e.words for e in events if isinstance(e, v1.WordsChanged)] == [(WORD,)]
        assert execute(Settings.read(env).store_place, "SELECT count(*) FROM snapshots") == [(1,)]
        assert not found(env)
        async with room(env):
            assert (await live_title(), (await guests.see("ann")).words) == (TITLE, (WORD,))
            await erase(guests.bus, f"person:{host}")

            async def removed() -> bool:
                return await live_title() == v1.TITLE_REMOVED

            await eventually(removed)
            left = await guests.see("ann")
            assert (left.settings.title, left.words) == (v1.TITLE_REMOVED, ())
            assert (await change(guests, by="ann", title=CHANGED)).settings.title == CHANGED
            await erase(guests.bus, f"space:{guests.space}")
            await eventually(removed)
            with pytest.raises(Refusal, match="erased"):
                await change(guests, by="ann", title=TITLE)
        assert not found(env)


async def test_a_pin_is_sealed_at_rest_told_to_everybody_and_unreadable_once_it_is_taken_away(
    env: dict[str, str], nats: NatsServer, guests: Guests, words: Opening
) -> None:
    async with keys(nats):
        await come(guests, "host", "bob")
        async with room(env):
            await guests.create()
            pinned = await pin(guests)
            assert [(one.url, one.text) for one in pinned.pins] == [(LINK, TEXT)]
            assert (await guests.see("bob")).pins == pinned.pins
            (event,) = [one for one in await told(guests.bus, v1.Pinned, words) if isinstance(one, v1.Pinned)]
            by = PersonRef.of(pinned.pins[0].person.id)
            assert event.pin == pinned.pins[0].model_copy(update={"person": by})
            with pytest.raises(Refusal, match="already"):
                await pin(guests, url=LINK, pin_id=new_id())
        assert not found(env)
        async with room(env):  # its keys are asked for anew
            assert (await guests.see("bob")).pins == pinned.pins
            assert (await unpin(guests)).pins == ()
            lock = f"person:{guests.ids['host']}|space:{guests.space}"
            assert await first_forgotten(guests.bus) == [(lock, f"pin/{PIN}")]
            other = await pin(guests, url=OTHER, text="", pin_id=new_id())
            assert [one.url for one in other.pins] == [OTHER]
        assert not found(env)


async def test_a_command_sent_again_shows_no_pin_that_was_taken_away_since(
    env: dict[str, str], nats: NatsServer, guests: Guests
) -> None:
    async with keys(nats), room(env):
        await come(guests, "host")
        await guests.create()
        order = v1.PinLink(
            command_id=new_id(), actor=guests.ids["host"], space_id=guests.space, pin_id=PIN, url=LINK, text=TEXT
        )
        first = await guests.order(order)
        assert await guests.order(order) == first
        await unpin(guests)
        await first_forgotten(guests.bus)
        again = await guests.order(order)
        assert (again.version, again.result.pins) == (first.version, ())


async def test_what_is_taken_away_while_people_is_away_is_destroyed_afterwards_also_by_a_room_that_was_restarted(
    env: dict[str, str], nats: NatsServer, guests: Guests
) -> None:
    async with room(env):
        async with keys(nats):
            await come(guests, "host")
            await guests.create()
            await pin(guests)
        assert (await unpin(guests)).pins == ()
    async with keys(nats, lease=1.0), room(env):
        assert [unit for _, unit in await first_forgotten(guests.bus)] == [f"pin/{PIN}"]


async def test_the_message_of_a_request_is_sealed_and_destroyed_however_the_request_ends(
    env: dict[str, str], nats: NatsServer, guests: Guests, words: Opening
) -> None:
    names = ("ann", "bob", "cy", "dee", "eve")
    async with keys(nats), room(env):
        await come(guests, "host", *names)
        await guests.create()
        host, space = guests.ids["host"], guests.space
        asked: dict[str, int] = {}
        for name in names:
            await guests.join(name)
            order = v1.RequestToSpeak(
                command_id=new_id(), actor=guests.ids[name], space_id=space, message=f"{MESSAGE} {name}"
            )
            answer = await guests.order(order)
            asked[guests.ids[name]] = answer.version
            assert [one.message for one in answer.result.requests] == [f"{MESSAGE} {name}"]
        assert [one.message for one in (await guests.see("host")).requests] == [f"{MESSAGE} {name}" for name in names]
        ann, bob, cy, dee, _ = (guests.ids[name] for name in names)
        for end in (
            v1.CancelRequest(command_id=new_id(), actor=ann, space_id=space),
            v1.DeclineRequest(command_id=new_id(), actor=host, space_id=space, person_id=bob),
            v1.AcceptRequest(command_id=new_id(), actor=host, space_id=space, person_id=cy),
            v1.RemovePerson(command_id=new_id(), actor=host, space_id=space, person_id=dee, explanation=WHY),
        ):
            await guests.order(end)
        events = await told(guests.bus, v1.RemovalRecorded, words)
        assert [e.message for e in events if isinstance(e, v1.SpeakRequested)] == [
            f"{MESSAGE} {name}" for name in names
        ]
        assert [e.explanation for e in events if isinstance(e, v1.RemovalRecorded)] == [WHY]
        again = v1.RequestToSpeak(command_id=new_id(), actor=ann, space_id=space, message=MESSAGE)
        assert [one.message for one in (await guests.order(again)).result.requests] == [MESSAGE]
        await guests.order(v1.EndSpace(command_id=new_id(), actor=host, space_id=space))
        gone = await first_forgotten(guests.bus, 6)
        units = {(f"person:{person}|space:{space}", f"request/{version}") for person, version in asked.items()}
        assert units < set(gone)
        assert len(gone) == 6  # and the second one of ann
    assert not found(env)


async def test_while_people_is_away_for_longer_than_a_lease_only_who_writes_is_refused(
    env: dict[str, str], nats: NatsServer, guests: Guests
) -> None:
    async with room(env):
        async with keys(nats, lease=1.0):
            await come(guests, "host", "ann")
            await guests.create()
            await guests.speaker("ann")
            pinned = await pin(guests)

        async def away() -> bool:
            seen = await guests.see("ann")
            return (seen.settings.title, seen.pins) == (v1.TITLE_UNAVAILABLE, ())

        await eventually(away)
        with pytest.raises(Refusal, match="unavailable"):  # it would keep what is away as if it were gone
            await guests.see(follower=True)
        stage = (await guests.ask(v1.SpaceQuery(space_id=guests.space, follower=True, words=False))).stage
        assert {member.person.id for member in stage} == {guests.ids["host"], guests.ids["ann"]}
        ann = guests.ids["ann"]
        unmuted = await guests.order(v1.Unmute(command_id=new_id(), actor=ann, space_id=guests.space, person_id=ann))
        assert not [member for member in unmuted.result.stage if member.person.id == ann and member.muted]
        assert await told(guests.bus, v1.Unmuted)
        for writes in (pin(guests, by="ann", url=OTHER, pin_id=new_id()), change(guests, topics=("bees",))):
            with pytest.raises(Refusal) as refused:
                await writes
            assert (refused.value.reason, refused.value.retry) == ("unavailable", True)
        async with keys(nats, lease=1.0):

            async def back() -> bool:
                seen = await guests.see("ann")
                return (seen.settings, seen.pins) == (pinned.settings, pinned.pins)

            await eventually(back)
            assert len((await pin(guests, by="ann", url=OTHER, pin_id=new_id())).pins) == 2


async def test_what_an_erased_person_pinned_is_shown_no_more_also_where_an_earlier_version_stored_it_plainly(
    env: dict[str, str], nats: NatsServer, guests: Guests
) -> None:
    async with keys(nats, lease=1.0):
        await come(guests, "host", "ann")
        host, ann = (Person(guests.ids[name]) for name in ("host", "ann"))
        chosen = Chosen(title="On bees")
        facts = [
            Created(host=host, settings=chosen),
            Started(host=host, settings=chosen),
            Pinned(pin_id=new_id(), url=OTHER, text=TEXT, person=ann),
        ]
        async with open_store(Settings.read(env).store_place, Space) as store:
            await store.execute(
                guests.space, Order(id="1", actor=host.id, at=datetime.now(UTC)), lambda _: facts, lambda _: None
            )
        async with room(env):
            await guests.speaker("ann")
            assert [one.url for one in (await pin(guests, by="ann")).pins] == [OTHER, LINK]
            await erase(guests.bus, f"person:{ann.id}")

            async def erased() -> bool:
                return not (await guests.see("host")).pins

            await eventually(erased)
        async with room(env):
            assert (await guests.see("host")).pins == ()
            assert [one.url for one in (await pin(guests, pin_id=new_id())).pins] == [LINK]
            assert (await guests.see("host")).settings.title == "On bees"
            await erase(guests.bus, f"space:{guests.space}")
            await eventually(erased)
            assert (await guests.see("host")).settings.title == v1.TITLE_REMOVED
