"""One NATS server per module, one media service per test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.integration.media.stage import Stage, set_stage
from tests.support.nats import NatsServer, running_nats


@pytest.fixture(scope="module")
def nats_server() -> Iterator[NatsServer]:
    """A server with JetStream."""
    with running_nats() as server:
        yield server


@pytest.fixture
async def stage(nats_server: NatsServer) -> AsyncIterator[Stage]:
    """A media service that takes connections."""
    async with set_stage(nats_server) as stage:
        yield stage
