"""One NATS per test, and in the test's own loop people, which owns the keys, and recording."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from libs.bus import Bus
from libs.keyring.client import open_keyring
from libs.service import Service, running
from services.people import main as people_main
from services.people import settings as people_settings
from services.recording.main import compose
from services.recording.settings import Settings
from tests.integration.recording.stage import Stage, bus_of
from tests.support.nats import NatsServer, running_nats


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
async def people(nats: NatsServer) -> AsyncIterator[None]:
    async with running(people_settings.Settings.read(nats.env), people_main.compose):
        yield


@pytest.fixture
async def bus(nats: NatsServer, people: None) -> AsyncIterator[Bus]:
    async with bus_of(nats) as bus:
        yield bus


@pytest.fixture
async def stage(bus: Bus) -> AsyncIterator[Stage]:
    stage = Stage(bus)
    async with stage.room_answers(), open_keyring(bus, "media-1") as stage.keyring:
        yield stage


@pytest.fixture
def env(nats: NatsServer) -> dict[str, str]:
    return {**nats.env, "ROSTRUM_RECORDING_GRACE_SECONDS": "0.3"}


@pytest.fixture
async def service(env: dict[str, str]) -> AsyncIterator[Service[Settings]]:
    async with running(Settings.read(env), compose) as service:
        yield service
