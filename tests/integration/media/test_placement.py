"""Where the gateway connects people when media nodes are filled, and what it says when all of them are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from contracts.room import v1 as spaces
from libs.bus import BusSettings, connect
from libs.ids import new_id
from tests.integration.gateway.conftest import running_gateway
from tests.integration.media.stage import Room, answering, person
from tests.support.nats import NatsServer
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT
from tests.unit.media.test_sdp import LISTENS

CAPACITY = 3
SMALL = {"ROSTRUM_MEDIA_CAPACITY": str(CAPACITY), "ROSTRUM_MEDIA_HEARTBEAT_SECONDS": "0.02"}


@pytest.fixture
async def room(nats_server: NatsServer, tmp_path: Path) -> AsyncIterator[Room]:
    """Room, and two media nodes that each take three connections."""
    async with AsyncExitStack() as stack:
        bus = await stack.enter_async_context(await connect("room", BusSettings(url=nats_server.url)))
        played = Room(bus)
        await stack.enter_async_context(answering(bus, played))
        nodes = [
            ServiceProcess(
                "media", {**nats_server.env, **SMALL, "ROSTRUM_INSTANCE": name, "ROSTRUM_VAR": str(tmp_path / name)}
            )
            for name in (f"{letter}-{new_id()[-6:]}" for letter in "ab")
        ]
        await asyncio.gather(*(stack.enter_async_context(node) for node in nodes))
        yield played


async def joins(client: httpx.AsyncClient, space: spaces.Space) -> httpx.Response:
    """Somebody wants to listen."""
    headers = {"content-type": "application/sdp"}
    return await client.post(f"/v1/spaces/{space.id}/whep", content=LISTENS, headers=headers)


def node_of(answer: httpx.Response) -> str:
    """The node that took a connection."""
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"].rpartition("/")[2].split(".")[1])


async def test_a_full_node_is_followed_by_the_other_and_when_both_are_full_the_client_is_told_when_to_come_again(
    room: Room, nats_server: NatsServer, tmp_path: Path
) -> None:
    space = room.live(person("Ada"))
    async with (
        running_gateway(nats_server.url, tmp_path, partitions=BusSettings().partitions, media_fill=1.0) as gateway,
        httpx.AsyncClient(base_url=gateway.base, timeout=LIMIT) as client,
    ):
        taken = [await joins(client, space) for _ in range(2 * CAPACITY)]
        nodes = [node_of(answer) for answer in taken]
        assert len(set(nodes[:CAPACITY])) == 1, "a Space stays on one node while that has room"
        assert nodes[CAPACITY:] == [({*nodes} - {nodes[0]}).pop()] * CAPACITY
        full = await joins(client, space)
        assert (full.status_code, full.json()["reason"]) == (503, "node_full")
        assert int(full.headers["retry-after"]) >= 1
        left = taken[CAPACITY].headers["location"]
        assert (await client.delete(left)).is_success
        assert node_of(await _when_there_is_room(client, space)) == nodes[CAPACITY]


async def _when_there_is_room(client: httpx.AsyncClient, space: spaces.Space) -> httpx.Response:
    """Comes again and again: gateways hear of free places by heartbeats."""
    while (answer := await joins(client, space)).status_code == 503:
        assert answer.headers["retry-after"]
    return answer
