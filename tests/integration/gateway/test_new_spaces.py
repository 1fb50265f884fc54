"""Creators and lists of Spaces wait until discovery knows what was created here, and not for long."""

from __future__ import annotations

import asyncio

from contracts.discovery.v1 import LookupQuery, SpacesFound
from contracts.room import v1 as room
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.conftest import Running


async def test_what_discovery_never_learns_of_is_waited_for_once(gateway: Running, behind: Backend) -> None:
    host = a_person("Host")

    async def create(command: room.CreateSpace) -> room.Space:
        return behind.add(host, id=command.space_id)

    async def nothing(query: LookupQuery) -> SpacesFound:
        return SpacesFound(spaces=())

    behind.on(room.CreateSpace, create)
    behind.on(LookupQuery, nothing)
    async with gateway.client(host.id) as client:
        await client.http.get("/v1/spaces")
        assert behind.asked["lookup"] == []
        creations = [client.http.post("/v1/spaces", json={"title": "Tea"}) for _ in range(2)]
        answers = await asyncio.gather(*creations, *[client.http.get("/v1/spaces") for _ in range(20)])
        assert [answer.status_code for answer in answers] == [201] * 2 + [200] * 20
        asked = behind.asked["lookup"]
        assert {len(query.space_ids) for query in asked if isinstance(query, LookupQuery)} <= {1, 2}
        assert 0 < len(asked) <= 45  # together, and ever less often
        before = len(asked)
        assert (await client.http.get("/v1/spaces")).status_code == 200
        assert len(asked) == before


async def test_where_discovery_is_away_nobody_waits(gateway: Running, behind: Backend) -> None:
    host = a_person("Host")

    async def create(command: room.CreateSpace) -> room.Space:
        return behind.add(host, id=command.space_id)

    behind.on(room.CreateSpace, create)  # and lookups are refused
    async with gateway.client(host.id) as client:
        assert (await client.http.post("/v1/spaces", json={"title": "Tea"})).status_code == 201
        assert (await client.http.get("/v1/spaces")).status_code == 200
        assert len(behind.asked["lookup"]) == 2  # once each
