"""A gateway knows who is suspended: from before its start, as it happens, and when the stream was rebuilt."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts import subjects
from contracts.people.v1 import EventPassedOver, Reinstated, Suspended
from contracts.room.v1 import Muted
from libs.bus.origin import mark
from libs.ids import new_id
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.client import Client
from tests.integration.gateway.conftest import Running, running_gateway
from tests.support.nats import NatsServer
from tests.support.waiting import eventually


def suspended(person_id: str) -> Suspended:
    return Suspended(at=datetime.now(UTC), person_id=person_id, version=2, reason="abuse")


def reinstated(person_id: str) -> Reinstated:
    return Reinstated(at=datetime.now(UTC), person_id=person_id, version=3)


def reason(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["reason"]


async def refused(client: Client, space: str) -> None:
    """No order, no stream."""

    async def heard() -> bool:
        return reason(await client.http.post(f"/v1/spaces/{space}/requests")) == (403, "suspended")

    await eventually(heard)
    for path in (f"/v1/spaces/{space}/events", "/v1/live-bar/events", f"/v1/spaces/{space}/replay"):
        assert reason(await client.http.get(path)) == (403, "suspended"), path


async def test_whoever_was_suspended_before_the_start_is_refused_from_the_first_request(
    nats: NatsServer, behind: Backend, tmp_path: Path
) -> None:
    troll, forgiven = new_id(), new_id()
    space = behind.add(a_person("Host"))
    for event in (suspended(troll), suspended(forgiven), reinstated(forgiven)):
        await behind.emit(event)
    async with running_gateway(nats.url, tmp_path) as gateway, gateway.client(troll) as client:

        async def ready() -> bool:
            return (await client.http.get("/readyz")).status_code == 200

        await eventually(ready)
        assert reason(await client.http.post(f"/v1/spaces/{space.id}/requests")) == (403, "suspended")
        assert reason(await client.http.get("/v1/spaces", params={"q": "tea"})) == (403, "suspended")
        async with gateway.client(forgiven) as other, other.events(f"/v1/spaces/{space.id}/events") as events:
            await events.until("snapshot")


async def test_a_suspension_that_cannot_be_read_is_told_and_holds_up_none_that_follows(
    nats: NatsServer, behind: Backend, tmp_path: Path
) -> None:
    troll = new_id()
    space = behind.add(a_person("Host"))
    broken = suspended(new_id())
    body = json.dumps(broken.model_dump(mode="json") | {"person_id": 7}).encode()
    headers = mark("test", {"Nats-Msg-Id": "people:7"})
    await behind.bus.js.publish(broken.subject, body, headers=headers, stream=subjects.EVENTS_STREAM)
    async with (
        running_gateway(nats.url, tmp_path) as gateway,
        gateway.client(troll) as client,
        gateway.client(new_id(), operator=True) as operator,
    ):

        async def standing() -> list[dict[str, Any]] | None:
            services = (await operator.http.get("/v1/ops/overview")).json()["services"]
            return [one for service in services for one in service["halted"]] or None

        (one,) = await eventually(standing)
        assert (one["event_id"], one["reader"]) == ("people:7", "gateway-suspensions 1")
        assert (await client.http.get("/readyz")).status_code == 503
        await behind.emit(suspended(troll))
        await refused(client, space.id)
        await behind.emit(EventPassedOver(at=datetime.now(UTC), event_id="people:7"))

        async def ready() -> bool:
            return (await client.http.get("/readyz")).status_code == 200

        await eventually(ready)


async def test_all_streams_of_whoever_is_suspended_end_and_nobody_elses(gateway: Running, behind: Backend) -> None:
    troll, other = new_id(), new_id()
    space = behind.add(a_person("Host"))
    path = f"/v1/spaces/{space.id}/events"
    async with gateway.client(troll) as client, gateway.client(other) as another:
        async with client.events(path) as one, client.events("/v1/live-bar/events") as bar, another.events(path) as on:
            for stream in (one, bar, on):
                await stream.until("snapshot")
            await behind.emit(suspended(troll))
            await asyncio.gather(one.closed(), bar.closed())
            await refused(client, space.id)
            await behind.emit(Muted(**behind.next(space), person_id=space.host.id))
            assert [told.event for told in await on.until("room.muted")] == ["room.muted"]
        await behind.emit(reinstated(troll))

        async def forgiven() -> bool:
            return reason(await client.http.post(f"/v1/spaces/{space.id}/requests"))[1] != "suspended"

        await eventually(forgiven)


async def test_a_rebuilt_stream_frees_nobody(gateway: Running, behind: Backend) -> None:
    troll, next_one = new_id(), new_id()
    space = behind.add(a_person("Host"))
    await behind.emit(suspended(troll))
    async with gateway.client(troll) as client, gateway.client(next_one) as other:
        await refused(client, space.id)
        await behind.bus.js.delete_stream(subjects.EVENTS_STREAM)
        await behind.bus.declare()
        assert reason(await client.http.post(f"/v1/spaces/{space.id}/requests")) == (403, "suspended")
        await behind.emit(suspended(troll))
        await behind.emit(suspended(next_one))
        await refused(other, space.id)
        await refused(client, space.id)
