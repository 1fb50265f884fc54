"""A gateway in this process on a real NATS, with stand-ins behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from libs.identity import DevelopmentIdentity
from libs.service import running
from services.gateway.app.sessions import SessionIds
from services.gateway.main import compose
from services.gateway.settings import GatewaySettings
from tests.integration.gateway.backend import Backend, backend
from tests.integration.gateway.client import Client
from tests.support.nats import NatsServer, free_port, running_nats
from tests.support.roomy import of_gateway


@pytest.fixture
def nats() -> Iterator[NatsServer]:
    """A NATS of the test's own."""
    with running_nats() as server:
        yield server


@pytest.fixture
async def behind(nats: NatsServer) -> AsyncIterator[Backend]:
    """Stand-ins for all other services."""
    async with backend(nats.url) as made:
        yield made


@dataclass(frozen=True)
class Running:
    """A running gateway."""

    base: str
    var: Path

    @property
    def identity(self) -> DevelopmentIdentity:
        return DevelopmentIdentity(self.var / "keys")

    @property
    def sessions(self) -> SessionIds:
        """The ids that its clients know their sessions by."""
        return SessionIds(self.identity.secret("sessions"))

    def client(self, person_id: str | None = None, *, operator: bool = False) -> Client:
        """A client, signed in where a person is given."""
        token = self.identity.mint(person_id, operator=operator) if person_id else None
        return Client(self.base, token)


@asynccontextmanager
async def running_gateway(url: str, var: Path, **settings: Any) -> AsyncIterator[Running]:
    """A gateway in this process."""
    port = free_port()
    made = GatewaySettings(**{"nats_url": url, "var": var, "partitions": 1, "port": port, **of_gateway(), **settings})
    async with running(made, compose):
        yield Running(f"http://127.0.0.1:{port}", var)


@pytest.fixture
async def gateway(nats: NatsServer, behind: Backend, tmp_path: Path) -> AsyncIterator[Running]:
    """A gateway with stand-ins behind it."""
    async with running_gateway(nats.url, tmp_path, ask_seconds=2) as made:
        yield made
