"""From somebody's mouth to the search: a sentence of a live Space is found soon after it was said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts.discovery.v1 import TranscriptSearchQuery
from contracts.room import v1 as room
from contracts.transcription.v1 import Caption
from libs.bus import Bus, BusSettings, connect
from libs.service import running
from services.discovery.main import compose as discovery
from services.discovery.settings import Settings as DiscoverySettings
from services.people.main import compose as people
from services.people.settings import Settings as PeopleSettings
from services.transcription.main import compose as transcription
from services.transcription.settings import Settings as TranscriptionSettings
from tests.integration.transcription.stage import Stage, carried
from tests.support.nats import NatsServer, running_nats
from tests.support.waiting import LIMIT, standstill

SOON_S = 0.8
"""Of the two seconds after the last word the recogniser has the rest (`tests/bench/targets.toml`)."""


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("media", BusSettings(url=server.url)) as bus:
        yield bus


async def test_a_sentence_of_a_live_space_is_found_as_soon_as_its_caption_is_final(
    server: NatsServer, bus: Bus
) -> None:
    # Nobody looks at the words while they are spoken.
    finals_alone = {"ROSTRUM_TRANSCRIPTION_WORKERS": "1", "ROSTRUM_TRANSCRIPTION_PARTIAL_EVERY": "10"}
    async with (
        running(PeopleSettings.read(server.env), people),
        running(TranscriptionSettings.read(server.env | finals_alone), transcription),
        running(DiscoverySettings.read(server.env), discovery),
    ):
        stage = Stage(bus)
        await stage.tell(
            room.Created(
                space_id=stage.space_id, version=1, at=stage.started_at, host=stage.host, settings=stage.settings
            )
        )
        captions = await stage.events()
        await stage.start()
        said = carried()["rms"]
        await stage.say(stage.host, said.packets[: int(float(said.sentences[2]["end_s"]) * 50) + 40], last=False)
        late = []
        async with standstill() as stood:
            for number in range(1, 4):
                await captions.finals(number)
                final, arrived = captions.final[number - 1], asyncio.get_running_loop().time()
                late.append(await _found(bus, stage.space_id, final) - arrived)
            # A machine that has other things to do is late now and then, and not each time.
            assert min(late) <= SOON_S + stood(), late
        await stage.end()


async def _found(bus: Bus, space_id: str, caption: Caption) -> float:
    """When it was found in the live Space."""
    query = TranscriptSearchQuery(words=f'"{caption.text}"', space_id=space_id)
    async with asyncio.timeout(LIMIT):
        while caption.id not in {one.caption_id for one in (await bus.ask(query)).result.sentences}:
            await asyncio.sleep(0.02)
    return asyncio.get_running_loop().time()
