"""Live events go on while nobody gives keys: words are closed, and clients start over when they can be opened."""

from __future__ import annotations

import pytest

from contracts.envelope import SealedEvent
from contracts.people.v1 import LocksQuery
from contracts.presence.v1 import Counted
from contracts.room import v1 as room
from libs.ids import new_id
from libs.keyring.opening import box_of
from tests.integration.gateway.backend import AT, Backend, a_person
from tests.integration.gateway.client import Stream
from tests.integration.gateway.conftest import Running
from tests.support.keys import Keys
from tests.support.waiting import eventually

HOST = a_person("Host")
URL = "https://example.org/bees"


async def pin(behind: Backend, space: room.Space, keys: Keys) -> None:
    """The host pins a link, whose words are sealed in the stream."""
    by, pin_id = (f"person:{HOST.id}", f"space:{space.id}"), new_id()
    told = room.Pin(id=pin_id, url="https://not.published/", person=HOST, pinned_at=AT)
    event = room.Pinned(**behind.next(space), actor=HOST.id, pin=told)
    words = keys.lock(*by).seal(f"pin/{pin_id}", URL)
    await behind.bus.publish_events([(SealedEvent(event, {"pin.url": box_of(words, "|".join(by))}), pin_id)])


async def links(events: Stream) -> list[str]:
    """What is told until somebody is counted: the links of pins."""
    return [told.data["pin"]["url"] for told in await events.until("presence.counted") if told.event == "room.pinned"]


async def test_without_keys_everything_is_told_but_words_and_all_of_it_once_there_are_keys(
    gateway: Running, behind: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.app.live_opener._PATIENCE", 0.3)
    monkeypatch.setattr("services.gateway.app.live_opener._SETTLE", 0.1)
    keys, space = Keys(behind.bus, 60), behind.add(HOST)
    path = f"/v1/spaces/{space.id}/events"
    counted = Counted(space_id=space.id, at=AT, listeners=8, on_stage=1)
    async with gateway.client() as client, client.events(path) as events:
        await events.until("snapshot")
        for _ in range(2):
            await pin(behind, space, keys)
            await behind.emit(counted)
            assert await links(events) == [room.LINK_UNAVAILABLE]
        async with client.events(path, "0") as missed:
            assert await links(missed) == [room.LINK_UNAVAILABLE]
        ready = await client.http.get("/readyz")
        assert (ready.status_code, "waiting for keys" in ready.text) == (503, True)
        behind.on(LocksQuery, keys.give)
        assert [told.event for told in await events.until("snapshot")] == ["reset", "snapshot"]
        await pin(behind, space, keys)
        await behind.emit(counted)
        assert await links(events) == [URL]
        async with client.events(path, "0") as missed:
            assert [await links(missed) for _ in range(3)] == [[URL]] * 3

        async def told_ready() -> bool:
            return "waiting for keys" not in (await client.http.get("/readyz")).text

        await eventually(told_ready)
