"""One NATS per test, and transcription in the test's own loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from libs.bus import Bus, BusSettings, connect
from libs.service import Service, running
from services.transcription.main import compose
from services.transcription.settings import Settings
from tests.integration.transcription.stage import Stage
from tests.support.nats import NatsServer, running_nats


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
async def bus(nats: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("media", BusSettings(url=nats.url)) as bus:
        yield bus


@pytest.fixture
def env(nats: NatsServer) -> dict[str, str]:
    return {**nats.env, "ROSTRUM_TRANSCRIPTION_SETTLE": "1.0", "ROSTRUM_TRANSCRIPTION_DECODERS": "1"}


@pytest.fixture
async def service(env: dict[str, str]) -> AsyncIterator[Service[Settings]]:
    async with running(Settings.read(env), compose) as service:
        yield service


@pytest.fixture
async def stage(bus: Bus) -> Stage:
    return Stage(bus)
