"""Readers of events with sealed words: what each gets, and that none takes one in without its words."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from pathlib import Path

from contracts import subjects
from contracts.envelope import PersonRef, SealedEvent
from contracts.room import v1 as room
from contracts.sealed import Box, Texts
from libs.aio import end
from libs.bus import Bus, Poison, Received, Unavailable, each
from libs.bus.dead_letters import read_letters, retry_letter
from libs.bus.received import received_from
from libs.ids import new_id
from libs.keyring import Lock
from libs.keyring.opening import Opener, box_of
from libs.readmodel import ReadModel
from tests.support.keys import Keys
from tests.support.waiting import LIMIT, eventually

AT = datetime(2026, 11, 20, 10, tzinfo=UTC)
SPACE, ANN = new_id(), new_id()
TITLE, PIN = f"person:{ANN}|space:{SPACE}", new_id()


def titled(keys: Keys, title: str) -> SealedEvent:
    sealed = keys.lock(f"person:{ANN}", f"space:{SPACE}").seal("title", title)
    settings = room.Settings(title="not published")
    event = room.Created(space_id=SPACE, version=1, at=AT, host=PersonRef.of(ANN), settings=settings)
    return SealedEvent(event, {"settings.title": box_of(sealed, TITLE)})


def pinned(keys: Keys) -> SealedEvent:
    words = keys.lock(f"person:{ANN}", f"space:{SPACE}").seal(f"pin/{PIN}", "https://example.org/")
    pin = room.Pin(id=PIN, url="https://not.published/", person=PersonRef.of(ANN), pinned_at=AT)
    event = room.Pinned(space_id=SPACE, version=2, at=AT, actor=ANN, pin=pin)
    return SealedEvent(event, {"pin.url": box_of(words, TITLE)})


class Opens:
    """Opens with the keys of a test, once it has them."""

    def __init__(self, keys: Keys) -> None:
        self.words = Opener(self._fetch)
        self._keys = keys
        self.away = True
        self.asked = 0
        self.trouble: str | None = None

    async def _fetch(self, names: Iterable[str]) -> dict[str, Lock]:
        return {name: self._keys.lock(*name.split("|")) for name in names}

    async def texts(self, boxes: Collection[Box]) -> Texts:
        self.asked += 1
        if self.away:
            raise Unavailable("people is away")
        return await self.words.texts(boxes)


class Titles(ReadModel):
    schema = "CREATE TABLE titles (title TEXT NOT NULL)"
    filters = (subjects.events_of("room"),)

    def apply(self, received: Received) -> None:
        if isinstance(event := received.event, room.Created):
            self.db.execute("INSERT INTO titles VALUES (?)", (event.settings.title,))

    def titles(self) -> list[str]:
        return [row[0] for row in self.db.execute("SELECT title FROM titles")]


async def test_a_read_model_waits_for_keys_and_says_so(bus: Bus, tmp_path: Path) -> None:
    keys = Keys(bus, 60)
    opens = Opens(keys)
    async with Titles(tmp_path / "titles.db") as model:
        run = asyncio.create_task(model.run(bus, opens))
        try:
            await bus.publish_events([(titled(keys, "On bees"), "1")])
            await eventually(lambda: opens.asked >= 2)
            assert model.lack() == "waiting for keys: people is away"
            assert (model.titles(), model.sequence) == ([], 0)
            opens.away = False
            await eventually(lambda: model.lack() is None and model.sequence == 1)
            assert model.titles() == ["On bees"]
        finally:
            await end(run)


async def test_whoever_opens_nothing_is_told_that_it_is_away_and_an_erased_pin_is_told_to_nobody(bus: Bus) -> None:
    keys = Keys(bus, 60)
    opens = Opens(keys)
    opens.away = False
    await bus.publish_events([(titled(keys, "On bees"), "1"), (pinned(keys), "2")])
    keys.destroy_unit(TITLE, f"pin/{PIN}")
    await bus.publish_events([(titled(keys, "On wasps"), "3")])

    async def read(opening: Opens | None) -> tuple[list[str], list[int]]:
        told: list[str] = []
        passed: list[int] = []
        async with asyncio.timeout(LIMIT):
            async for batch in bus.follow(filters=[subjects.events_of("room")], opening=opening, passed=passed.append):
                for one in batch:
                    event = one.event
                    told.append(event.settings.title if isinstance(event, room.Created) else event.name)
                    assert one.boxes, "as they are sealed, for who keeps them so"
                if len(told) + len(passed) == 3:
                    break
        return told, passed

    assert await read(opens) == (["On bees", "On wasps"], [2])
    assert await read(None) == ([room.TITLE_UNAVAILABLE, "pinned", room.TITLE_UNAVAILABLE], [])
    subscription = await bus.js.subscribe("rostrum.room.v1.*.created", stream=subjects.EVENTS_STREAM)
    message = received_from(await subscription.next_msg(timeout=LIMIT))
    assert message.boxes is not None
    assert isinstance(message.event, room.Created)
    assert message.event.settings.title == room.TITLE_UNAVAILABLE


async def test_a_durable_consumer_waits_for_keys_and_a_dead_letter_is_opened_when_it_is_tried_again(bus: Bus) -> None:
    keys = Keys(bus, 60)
    opens = Opens(keys)
    told: list[str] = []
    broken = True

    async def handle(received: Received) -> None:
        assert isinstance(received.event, room.Created)
        if broken:
            raise Poison("not yet")
        told.append(received.event.settings.title)

    filters = [subjects.event("room", "*", room.Created.name)]
    await bus.publish_events([(titled(keys, "On bees"), "1")])
    async with bus.consume("people-titles", each(handle), filters=filters, opening=opens) as consumer:
        await eventually(lambda: opens.asked >= 2)
        assert consumer.position == 0
        opens.away = False
        await eventually(lambda: consumer.position == 1)
        (letter,) = [letter async for letter in read_letters(bus.js)]
        assert b"On bees" not in letter.data
        broken, opens.away = False, True
        assert "people is away" in (await retry_letter(bus.nc, bus.js, letter) or "")
        opens.away = False
        assert await retry_letter(bus.nc, bus.js, letter) is None
    assert told == ["On bees"]
