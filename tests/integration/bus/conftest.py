"""A NATS of the test's own, and the bus of one service on it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from libs.bus import Bus, BusSettings, connect
from tests.support.nats import NatsServer, running_nats


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
async def bus(nats: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("people", BusSettings(url=nats.url)) as bus:
        yield bus
