"""A counter's store, and a bus on a NATS of the test's own."""

from collections.abc import AsyncIterator, Iterator

import pytest

from libs.bus import Bus, BusSettings, connect
from libs.database import Place
from libs.eventstore import Store, open_store
from tests.integration.eventstore.counting import Counter
from tests.support.nats import NatsServer, running_nats


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    with running_nats() as server:
        yield server


@pytest.fixture
async def bus(nats: NatsServer) -> AsyncIterator[Bus]:
    async with await connect("people", BusSettings(url=nats.url)) as bus:
        yield bus


@pytest.fixture
async def store(place: Place) -> AsyncIterator[Store[Counter]]:
    async with open_store(place, Counter) as store:
        yield store
