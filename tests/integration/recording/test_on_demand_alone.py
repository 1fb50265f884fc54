"""What recording asks of media nodes for a Space that is not recorded, and what it keeps of it, and for how long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from nats.aio.msg import Msg

from contracts import live_audio, relayed, subjects
from contracts.relayed import Message, RelayedKind, RelayedPacket
from contracts.room import v1 as room
from libs.bus import Bus, BusSettings, connect
from libs.ids import new_id
from libs.keyring.rows import ErasureTarget
from libs.refusal import Refusal
from services.recording.app import on_demand
from services.recording.app.on_demand import OnDemand
from tests.support.events import person
from tests.support.nats import running_nats
from tests.support.waiting import eventually
from tests.support.webrtc import opus_tone

ANN, BOB = person("ann"), person("bob")


@pytest.fixture
async def bus() -> AsyncIterator[Bus]:
    with running_nats() as server:
        async with await connect("test", BusSettings(url=server.url)) as bus:
            yield bus


@pytest.fixture
def spaces() -> dict[str, room.Space]:
    return {}


def space(*, recorded: bool = False, state: room.State = room.State.LIVE) -> room.Space:
    """One that began two seconds ago."""
    began = datetime.now(UTC) - timedelta(seconds=2)
    settings = room.Settings(title="Tea", recorded=recorded)
    return room.Space(
        id=new_id(), version=2, state=state, host=ANN, settings=settings, created_at=began, started_at=began, stage=()
    )


@asynccontextmanager
async def running(bus: Bus, spaces: dict[str, room.Space], *, most: int = 5) -> AsyncIterator[OnDemand]:
    async def snapshot(space_id: str) -> room.Space:
        return spaces[space_id]

    async def say(space_id: str, body: bytes) -> None:
        await bus.say(subjects.live_audio(space_id), body)

    found = OnDemand(bus, snapshot, say, most)
    task = asyncio.create_task(found.run())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def told(bus: Bus, space_id: str) -> list[RelayedKind]:
    """What recording says to media nodes, in a list that grows."""
    kinds: list[RelayedKind] = []

    async def hear(message: Msg) -> None:
        kinds.append(relayed.decode(message.data).kind)

    await bus.listen(subjects.wanted_audio(space_id), hear)
    return kinds


async def speak(bus: Bus, space_id: str, packets: list[bytes], numbers: Iterator[int], **headers: str) -> None:
    """Send packets as a media node does, each at its time."""
    given = {subjects.HEADER_PERSON: ANN.id, subjects.HEADER_SESSION: new_id(), **headers}
    for payload in packets:
        number = next(numbers)
        packet = RelayedPacket(7, number * 960, number, 20, 100, payload)
        body = relayed.encode(Message(RelayedKind.AUDIO, (packet,)))
        await bus.say(subjects.relayed_audio(space_id), body, headers={subjects.HEADER_NODE: "media-1", **given})
        await asyncio.sleep(0.02)


async def test_it_listens_while_it_is_asked_and_for_a_while_afterwards(
    bus: Bus, spaces: dict[str, room.Space], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_demand, "_IDLE", 1.0)
    one = space()
    spaces[one.id] = one
    said = await told(bus, one.id)
    async with running(bus, spaces) as mixed:
        *_, first, next, header, over = await mixed.far(one.id)
        assert (first, over) == (next, False)
        assert first % live_audio.SEGMENT_PARTS == 0
        assert header
        await eventually(lambda: said.count(RelayedKind.LISTENING) >= 2)
        await eventually(lambda: said[-1] is RelayedKind.GONE)
        with pytest.raises(Refusal) as refused:
            mixed.read(one.id, first, 1)
        assert refused.value.reason == "not_live"


async def test_packets_that_make_no_sense_are_left_out_and_the_newest_parts_stay(
    bus: Bus, spaces: dict[str, room.Space], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_demand, "_KEPT", 3)
    one = space()
    spaces[one.id] = one
    async with running(bus, spaces) as mixed:
        _, first, *_ = await mixed.far(one.id)
        subject = subjects.relayed_audio(one.id)
        await bus.say(subject, b"nonsense")
        numbers = iter(range(1000))
        await speak(bus, one.id, opus_tone(440, 0.1), numbers, **{subjects.HEADER_PERSON: "nobody"})
        await speak(bus, one.id, [b"\xff" * 40], numbers)
        await speak(bus, one.id, opus_tone(440, 1.5), numbers)

        async def made() -> int:
            return (await mixed.far(one.id))[2]

        async def several() -> bool:
            return await made() >= first + 5

        await eventually(several)
        last = await made() - 1
        assert mixed.read(one.id, last, 1)
        with pytest.raises(Refusal) as refused:
            mixed.read(one.id, first, 1)
        assert refused.value.reason == "not_found"


@pytest.mark.parametrize("erased", [f"person:{ANN.id}", "space"])
async def test_whoever_is_erased_is_heard_no_more(bus: Bus, spaces: dict[str, room.Space], erased: str) -> None:
    one, other = space(), space()
    spaces.update({one.id: one, other.id: other})
    async with running(bus, spaces) as mixed:
        await mixed.far(one.id)
        _, first, *_ = await mixed.far(other.id)
        await speak(bus, one.id, opus_tone(440, 0.2), iter(range(100)))
        await speak(bus, other.id, opus_tone(440, 0.2), iter(range(100)), **{subjects.HEADER_PERSON: BOB.id})
        await eventually(lambda: mixed._runs[one.id].people and mixed._runs[other.id].people)
        mixed.drop(ErasureTarget(f"person:{ANN.id}", "caption/x"))  # only words
        assert {*mixed._runs} == {one.id, other.id}
        mixed.drop(ErasureTarget(erased if erased != "space" else f"space:{one.id}"))
        assert {*mixed._runs} == {other.id}
        assert (await mixed.far(other.id))[1] == first


async def test_what_is_recorded_or_not_live_is_refused_and_so_are_too_many(
    bus: Bus, spaces: dict[str, room.Space]
) -> None:
    one, another = space(), space()
    recorded, over = space(recorded=True), space(state=room.State.ENDED)
    spaces.update({each.id: each for each in (one, another, recorded, over)})
    async with running(bus, spaces, most=1) as mixed:
        for wrong in (recorded, over):
            with pytest.raises(Refusal) as refused:
                await mixed.far(wrong.id)
            assert refused.value.reason == "not_live"
        await mixed.far(one.id)
        with pytest.raises(Refusal) as refused:
            await mixed.far(another.id)
        assert (refused.value.reason, refused.value.retry) == ("unavailable", True)


async def test_the_last_words_are_mixed_when_the_space_is_over(bus: Bus, spaces: dict[str, room.Space]) -> None:
    one = space()
    spaces[one.id] = one
    over = asyncio.Event()

    async def hear(message: Msg) -> None:
        if not live_audio.decode(message.data)[1]:
            over.set()

    await bus.listen(subjects.live_audio(one.id), hear)
    async with running(bus, spaces) as mixed:
        _, first, *_ = await mixed.far(one.id)
        began = time.time()
        await speak(bus, one.id, opus_tone(440, 0.3), iter(range(100)))
        mixed.end(one.id)
        await eventually(over.is_set)
        _, _, next, _, ended = await mixed.far(one.id)
        assert ended
        said_until = began + 0.3 - one.started_at.timestamp() if one.started_at else 0.0
        assert next * live_audio.PART_SECONDS >= said_until
        assert next > first
