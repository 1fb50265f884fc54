"""The gateway is killed while thousands of events pass: its clients miss none, and get none twice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx

from contracts.presence.v1 import Reacted
from contracts.room import v1 as room
from libs.identity import DevelopmentIdentity
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.client import Client, Told
from tests.support.nats import NatsServer, free_port
from tests.support.service_process import ServiceProcess
from tests.support.waiting import LIMIT, pace

BATCHES = 100
BATCH = 25
KILLED_AFTER = (30, 70)


class GatewayProcess(ServiceProcess):
    """A gateway in its own process, on one port, that can be killed and started again."""

    def __init__(self, nats: NatsServer, var: Path) -> None:
        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        env = {
            **nats.env, "ROSTRUM_VAR": str(var), "ROSTRUM_PARTITIONS": "1",
            "ROSTRUM_GATEWAY_PORT": str(port), "ROSTRUM_LOG_FORMAT": "json",
        }  # fmt: skip
        super().__init__("gateway", env)


async def _follow(client: Client, path: str) -> AsyncIterator[Told]:
    """Live events as EventSource has them: on every loss it comes back with the last id it had."""
    last: str | None = None
    while True:
        try:
            async with client.events(path, last) as events:
                while True:
                    told = await events.next()
                    last = told.id
                    yield told
        except (EOFError, httpx.TransportError):
            await pace(time.monotonic() + 0.05)  # EventSource waits too


def _reacted(space: room.Space) -> Reacted:
    return Reacted(space_id=space.id, at=datetime.now(UTC), counts={"clap": 1}, window_ms=250)


async def test_no_gap_and_no_doubling_across_kills(nats: NatsServer, behind: Backend, tmp_path: Path) -> None:
    host = a_person("Host")
    space = behind.add(host)
    other = behind.add(a_person("Other"))
    path = f"/v1/spaces/{space.id}/events"
    gateway = GatewayProcess(nats, tmp_path)
    expected: dict[str, list[int]] = {"host": [], "nobody": []}
    started = {name: asyncio.Event() for name in expected}

    async def listen(name: str, person_id: str | None) -> list[int]:
        token = DevelopmentIdentity(tmp_path / "keys").mint(person_id) if person_id else None
        got: list[int] = []
        async with Client(gateway.base, token) as client:
            async for told in _follow(client, path):
                if told.event == "snapshot":
                    assert not got, "a client that resumes gets no second snapshot"
                    started[name].set()
                    continue
                assert told.event != "reset"
                got.append(told.sequence)
                if told.event == "room.ended":
                    return got
        return got

    async with gateway:
        listening = {
            "host": asyncio.create_task(listen("host", host.id)),
            "nobody": asyncio.create_task(listen("nobody", None)),
        }
        for listens in started.values():
            await listens.wait()
        first = await behind.emit(room.Muted(**behind.next(space), person_id=host.id))
        for told_to in expected.values():
            told_to.append(first)
        starting: asyncio.Task[None] | None = None
        for number in range(BATCHES):
            await asyncio.gather(*(behind.emit(_reacted(other)) for _ in range(5)))
            public = await asyncio.gather(*(behind.emit(_reacted(space)) for _ in range(BATCH)))
            hosts = await behind.emit(
                room.RemovalRecorded(**behind.next(space), person_id=a_person("X").id, explanation="spam")
            )
            expected["nobody"] += sorted(public)
            expected["host"] += [*sorted(public), hosts]
            if number in KILLED_AFTER:
                if starting is not None:
                    await starting
                gateway.kill()
                starting = asyncio.create_task(gateway.start())
        if starting is not None:
            await starting
        last = await behind.emit(room.Ended(**behind.next(space)))
        for name, task in listening.items():
            got = await asyncio.wait_for(task, LIMIT)
            assert got == [*expected[name], last], name
