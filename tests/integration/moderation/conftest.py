"""The services that moderation reaches, each in its own process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from infra.launcher import System
from libs.identity import DevelopmentIdentity
from libs.ids import new_id
from tests.integration.gateway.client import Client

SERVICES = ("room", "people", "media", "gateway")


@dataclass(frozen=True)
class Instance:
    """A running instance."""

    system: System
    var: Path

    def operator(self) -> Client:
        """Somebody who runs it."""
        identity = DevelopmentIdentity(self.var / "keys")
        return Client(self.system.url, identity.mint(new_id(), operator=True))

    async def sign_up(self, handle: str) -> tuple[dict[str, Any], Client]:
        """A new person and their client."""
        async with Client(self.system.url) as nobody:
            made = await nobody.http.post("/v1/people", json={"handle": handle, "name": handle.title()})
            assert made.status_code == 201, made.text
        return made.json()["person"], Client(self.system.url, made.json()["token"])


@pytest.fixture(scope="package")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("system")


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def instance(var: Path) -> AsyncIterator[Instance]:
    """The services of these tests, on ports and data of their own."""
    async with System(var, gateway_port=0, services=SERVICES) as system:
        yield Instance(system, var)
