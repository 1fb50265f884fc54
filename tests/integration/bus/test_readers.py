"""What a read model does at an event that its version does not know, or cannot read."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts import envelope, subjects
from contracts.envelope import Audience
from contracts.people.v1 import EventPassedOver
from contracts.room import v1 as room
from libs.aio import end
from libs.bus import Bus, Received, declare
from libs.bus.origin import mark
from libs.ids import new_id
from libs.readmodel import ReadModel
from libs.refusal import Refusal
from tests.support.waiting import eventually

SPACE, ANN, BEN = new_id(), new_id(), new_id()
AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


class Names(ReadModel):
    """The names of all events of room, in their order."""

    schema = "CREATE TABLE names (sequence INTEGER PRIMARY KEY, name TEXT NOT NULL)"
    filters = (subjects.events_of("room"),)

    def apply(self, received: Received) -> None:
        self.db.execute("INSERT INTO names VALUES (?, ?)", (received.sequence, received.event.name))

    def names(self) -> list[str]:
        return [row[0] for row in self.db.execute("SELECT name FROM names ORDER BY sequence")]


@contextlib.asynccontextmanager
async def following(bus: Bus, path: Path) -> AsyncIterator[Names]:
    async with Names(path) as names:
        run = asyncio.create_task(names.run(bus))
        try:
            yield names
        finally:
            await end(run)


def muted(version: int, person_id: str = ANN) -> room.Muted:
    return room.Muted(at=AT, space_id=SPACE, version=version, person_id=person_id)


async def publish(bus: Bus, event: envelope.Event, **changed: object) -> int:
    """As a relay does; `changed` are fields of the JSON that break the contract."""
    body = json.dumps(event.model_dump(mode="json") | changed).encode()
    headers = envelope.headers(event, id=new_id(), source="room")
    return (await bus.js.publish(event.subject, body, headers=headers, stream=subjects.EVENTS_STREAM)).seq


async def publish_of_tomorrow(bus: Bus) -> None:
    body = json.dumps({"at": AT.isoformat(), "space_id": SPACE, "version": 2, "where": "the moon"}).encode()
    await bus.js.publish(
        subjects.event("room", SPACE, "teleported"), body, stream=subjects.EVENTS_STREAM, headers=mark("test")
    )


async def test_an_event_of_tomorrow_is_passed_over_and_read_after_the_upgrade(
    bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "names.db"
    await publish(bus, muted(1))
    await publish_of_tomorrow(bus)
    async with following(bus, path) as names:
        # Also as the newest of all: whoever waited for it to be read would never be ready.
        await eventually(lambda: names.lack() is None)
        assert names.names() == ["muted"]
        await publish(bus, muted(3))
        await eventually(lambda: names.names() == ["muted", "muted"] or None)
    async with following(bus, path) as names:
        assert names.names() == ["muted", "muted"], "the same version fills nothing anew"

    monkeypatch.setattr(envelope, "_EVENTS", dict(envelope._EVENTS))

    @envelope.event("room", "teleported", Audience.PUBLIC)
    class Teleported(room.SpaceEvent):
        where: str

    async with following(bus, path) as names:
        assert names.names() == []
        await eventually(lambda: names.lack() is None)
        assert names.names() == ["muted", "teleported", "muted"]
    async with following(bus, path) as names:
        assert names.names() == ["muted", "teleported", "muted"], "it is filled anew once"


async def test_a_model_that_reads_more_than_before_is_filled_anew(
    bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(bus, room.HandRaised(at=AT, space_id=SPACE, version=1, person_id=ANN))
    await publish(bus, muted(2))
    monkeypatch.setattr(Names, "filters", (subjects.event("room", "*", "muted"),))
    async with following(bus, tmp_path / "names.db") as names:
        await eventually(lambda: names.lack() is None)
        assert names.names() == ["muted"]
    monkeypatch.undo()
    async with following(bus, tmp_path / "names.db") as names:
        await eventually(lambda: names.lack() is None)
        assert names.names() == ["hand_raised", "muted"]


async def stands(names: Names, bus: Bus) -> str:
    """The event that the model stands before."""
    standing = await eventually(lambda: bus.halts.at("names"))
    assert standing.subject in (names.lack() or "")
    with pytest.raises(Refusal, match="catching up"):
        await names.must_be_complete()
    return standing.id


async def test_a_model_stands_before_what_it_cannot_read_until_that_is_passed_over(bus: Bus, tmp_path: Path) -> None:
    path = tmp_path / "names.db"
    async with following(bus, path) as names:
        await publish(bus, muted(1))
        await eventually(lambda: names.names() or None)
        await names.must_be_complete()
        broken = await publish(bus, muted(2), person_id="nobody")
        await publish(bus, muted(3))
        event_id = await stands(names, bus)
        assert names.names() == ["muted"]
        (told,) = bus.halts.told()
        assert (told["reader"], told["sequence"], told["event_id"]) == ("names", broken, event_id)
        assert told["why"].startswith("person_id ")
        assert "names cannot read" in (bus.halts.trouble() or "")
    await eventually(lambda: bus.halts.trouble() is None)

    async with following(bus, path) as names:  # a restart does not go over it either
        assert await stands(names, bus) == event_id
        await publish(bus, EventPassedOver(at=AT, event_id="room:another"))
        await publish(bus, muted(4, BEN))
        assert names.names() == ["muted"]
        await publish(bus, EventPassedOver(at=AT, event_id=event_id))
        await eventually(lambda: names.names() == ["muted"] * 3 or None)
        assert (names.lack(), bus.halts.trouble()) == (None, None)
        await names.must_be_complete()

    path.unlink()
    async with following(bus, path) as names:  # and it stays passed over
        await eventually(lambda: names.names() == ["muted"] * 3 or None)


async def test_who_stands_before_an_event_goes_on_with_a_stream_that_was_made_anew(bus: Bus, tmp_path: Path) -> None:
    async with following(bus, tmp_path / "names.db") as names:
        names.patience = 0.1  # type: ignore[misc]
        await publish(bus, muted(1), person_id="nobody")
        await stands(names, bus)
        await bus.js.delete_stream(subjects.EVENTS_STREAM)
        await declare(bus.js)
        await publish(bus, muted(2))
        await eventually(lambda: names.names() or None)
        await eventually(lambda: bus.halts.trouble() is None)
