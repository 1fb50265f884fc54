"""People on a real bus, with a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.bus import Bus, BusSettings, connect
from libs.service import running
from services.people.main import compose
from services.people.settings import Settings
from tests.support.nats import NatsServer, running_nats


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("test", BusSettings(url=server.url)) as bus:
        yield bus


@pytest.fixture
async def people(server: NatsServer) -> AsyncIterator[None]:
    """With patience for what room has just told."""
    async with running(Settings.read({**server.env, "ROSTRUM_PEOPLE_SPACE_WAIT": "1.8"}), compose):
        yield
