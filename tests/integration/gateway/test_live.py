"""Live events, server-sent or over a WebSocket: what both ways promise alike."""

from __future__ import annotations

import json
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from contracts import subjects
from contracts.presence.v1 import Reacted
from contracts.room import v1 as room
from contracts.room.follow import follow
from libs.bus.origin import mark
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.client import Way
from tests.integration.gateway.conftest import Running, running_gateway
from tests.support.nats import NatsServer
from tests.support.waiting import eventually, standstill


def cut_off() -> float:
    """How many clients of this process were cut off because they read too slowly."""
    return REGISTRY.get_sample_value("rostrum_gateway_streams_ended_total", {"why": "lagging"}) or 0.0


either_way = pytest.mark.parametrize("way", Way)


@pytest.mark.parametrize(("way", "code"), [(Way.SENT, None), (Way.SOCKET, 1000)])
async def test_who_is_removed_hears_that_last_and_does_not_come_back(
    gateway: Running, behind: Backend, way: Way, code: int | None
) -> None:
    host, guest = a_person("Host"), a_person("Guest")
    space = behind.add(host)
    async with gateway.client(guest.id) as client, gateway.client() as other:
        async with client.follow(way, space.id) as events, other.follow(way, space.id) as others:
            snapshot = await events.next()
            await others.next()
            await behind.emit(room.Removed(**behind.next(space), person_id=guest.id))
            await behind.emit(room.Muted(**behind.next(space), person_id=host.id))
            assert [told.event for told in await events.closed()] == ["room.removed"]
            assert events.ended_with[0] == code
            assert [told.event for told in await others.until("room.muted")] == ["room.removed", "room.muted"]
        for last_id in (None, snapshot.id):
            assert await client.not_followed(way, space.id, last_id) == (403, "removed")
        for gone in ("replay", "replay.m4a", "transcript", "transcript.vtt", f"tracks/{guest.id}.ogg", "analytics"):
            refused = await client.http.get(f"/v1/spaces/{space.id}/{gone}")
            assert (refused.status_code, refused.json()["reason"]) == (403, "removed"), gone


async def test_an_event_of_a_space_that_cannot_be_read_holds_all_the_same(gateway: Running, behind: Backend) -> None:
    guest = a_person("Guest")
    space = behind.add(a_person("Host"))
    async with gateway.client(guest.id) as client, client.follow(Way.SENT, space.id) as events:
        await events.next()
        removed = room.Removed(**behind.next(space), person_id=guest.id)
        behind.spaces[space.id] = follow(behind.spaces[space.id], removed)
        body = json.dumps(removed.model_dump(mode="json") | {"version": "seven"}).encode()
        await behind.bus.js.publish(removed.subject, body, stream=subjects.EVENTS_STREAM, headers=mark("test"))
        assert await events.closed() == []
        assert await client.not_followed(Way.SENT, space.id) == (403, "removed")


@either_way
async def test_a_token_may_be_in_the_address(gateway: Running, behind: Backend, way: Way) -> None:
    host = a_person("Host")
    space = behind.add(host, requests=(room.SpeakRequest(person=a_person("Guest"), requested_at=datetime.now(UTC)),))
    token = gateway.identity.mint(host.id)
    async with gateway.client() as client:
        async with client.follow(way, space.id, access_token=token) as events:
            assert len((await events.next()).data["requests"]) == 1
        assert await client.not_followed(way, space.id, access_token="nonsense") == (401, "unauthenticated")


@either_way
async def test_a_slow_client_is_cut_off_and_resumes_without_a_gap(
    nats: NatsServer, behind: Backend, tmp_path: Path, way: Way
) -> None:
    space, before = behind.add(a_person("Host")), cut_off()
    async with running_gateway(nats.url, tmp_path, queued_events=50) as gateway, gateway.client() as client:
        async with client.follow(way, space.id) as slow:
            await slow.until("snapshot")
            # Far more than fits into the sockets' buffers and the queue.
            long = {f"kind_{i}": i for i in range(2000)}
            sent = [
                await behind.emit(Reacted(space_id=space.id, at=datetime.now(UTC), counts=long, window_ms=250))
                for _ in range(350)
            ]
            # Only then it reads on: a client that reads while the gateway is still delivering may keep pace.
            await eventually(lambda: cut_off() > before)
            told = await slow.closed()
        got = [one.sequence for one in told]
        assert 0 < len(got) < len(sent)
        async with client.follow(way, space.id, told[-1].id) as events:
            while len(got) < len(sent):
                got.append((await events.next()).sequence)
        assert got == sent


@pytest.mark.parametrize(("way", "code"), [(Way.SENT, None), (Way.SOCKET, 1012)])
async def test_stops_at_once_however_many_listen(
    nats: NatsServer, behind: Backend, tmp_path: Path, way: Way, code: int | None
) -> None:
    space = behind.add(a_person("Host"))
    async with AsyncExitStack() as clients:
        async with running_gateway(nats.url, tmp_path) as gateway:
            open_streams = []
            for _ in range(20):
                client = await clients.enter_async_context(gateway.client())
                events = await clients.enter_async_context(client.follow(way, space.id))
                await events.until("snapshot")
                open_streams.append(events)
            stood = await clients.enter_async_context(standstill())
            started = time.monotonic()
        assert time.monotonic() - started < 2 + stood()
        for events in open_streams:
            assert await events.closed() == []
            assert events.ended_with[0] == code
