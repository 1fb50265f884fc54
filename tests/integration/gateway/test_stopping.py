"""A gateway that stops answers what it was asked, or says that it can be asked again."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from contracts.people.v1 import PersonQuery
from contracts.room.v1 import SpaceQuery
from libs.ids import new_id
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.client import Client
from tests.integration.gateway.conftest import running_gateway
from tests.support.nats import NatsServer

FRIEND = "https://friend.example.org"


async def test_what_is_cut_off_may_be_asked_again(nats: NatsServer, behind: Backend, tmp_path: Path) -> None:
    asked, answered = asyncio.Semaphore(0), asyncio.Event()

    async def never(query: Any) -> Any:
        asked.release()
        await answered.wait()

    space = behind.add(a_person("Host"))
    behind.on(SpaceQuery, never)
    behind.on(PersonQuery, never)
    async with AsyncExitStack() as stack:
        running = running_gateway(nats.url, tmp_path, ask_seconds=30, cors_origins=(FRIEND,))
        gateway = await stack.enter_async_context(running)
        client = Client(gateway.base)
        client.headers["origin"] = client.http.headers["origin"] = FRIEND
        reading = asyncio.create_task(client.http.get(f"/v1/people/{new_id()}"))
        following = asyncio.create_task(client.http.get(f"/v1/spaces/{space.id}/events"))
        upgrading = asyncio.create_task(client.not_live(f"/v1/spaces/{space.id}/live"))
        for _ in range(3):
            await asked.acquire()
        await stack.aclose()
        for answer in await asyncio.gather(reading, following):
            assert (answer.status_code, answer.json()["reason"]) == (503, "unavailable")
            assert answer.headers["retry-after"] == "1"
            assert answer.headers["access-control-allow-origin"] == FRIEND
            assert "cache-control" in answer.headers
        assert await upgrading == (503, "unavailable")
        answered.set()
        await client.http.aclose()
