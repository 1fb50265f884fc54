"""One command from the HTTP request to the live event at the last of many clients."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from infra.launcher import System
from tests.bench.harness import Reference, Row, quantile

CLIENTS = 100
COMMANDS = 200


async def measure() -> list[Row]:
    """The host's microphone goes on and off; every client has a live event stream of that Space."""
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        async with (
            System(Path(folder), gateway_port=0, services=("room", "people", "gateway")) as system,
            httpx.AsyncClient(base_url=system.url, timeout=10) as http,
        ):
            signed_up = (await http.post("/v1/people", json={"handle": "host", "name": "Host"})).json()
            http.headers["authorization"] = f"Bearer {signed_up['token']}"
            space = (await http.post("/v1/spaces", json={"title": "Bench"})).raise_for_status().json()
            me = signed_up["person"]["id"]
            async with contextlib.AsyncExitStack() as stack:
                clients = [await stack.enter_async_context(Live(system.url, space["id"])) for _ in range(CLIENTS)]
                answers, everybody = await _run(http, f"/v1/spaces/{space['id']}/stage/{me}", clients)
            floor = [await _timed(http, "GET", "/healthz") for _ in range(COMMANDS)]
    conditions = f"{CLIENTS} clients of one Space, one command at a time, {COMMANDS} commands; all on this machine"
    reference = "GET /healthz of the same gateway, p50"
    return [
        Row(f"one command from HTTP to the last client's live event, {name}", quantile(everybody, part) * 1000, "ms",
            conditions, Reference(reference, quantile(floor, 0.5) * 1000))
        for name, part in (("p50", 0.5), ("p99", 0.99))
    ] + [
        Row("one command until its answer, p50", quantile(answers, 0.5) * 1000, "ms", conditions,
            Reference(reference, quantile(floor, 0.5) * 1000)),
    ]  # fmt: skip


async def _run(http: httpx.AsyncClient, base: str, clients: list[Live]) -> tuple[list[float], list[float]]:
    """Seconds until the answer, and until the last client heard, of each command."""
    answers, everybody = [], []
    for number in range(COMMANDS):
        act, heard = ("unmute", "room.unmuted") if number % 2 == 0 else ("mute", "room.muted")
        began = time.perf_counter()
        waiting = [asyncio.create_task(client.hear(heard)) for client in clients]
        answers.append(await _timed(http, "POST", f"{base}/{act}"))
        async with asyncio.timeout(10):
            everybody.append(max(await asyncio.gather(*waiting)) - began)
    return answers, everybody


async def _timed(http: httpx.AsyncClient, method: str, path: str) -> float:
    began = time.perf_counter()
    (await http.request(method, path)).raise_for_status()
    return time.perf_counter() - began


class Live:
    """A live event stream read from a plain socket, so that the reader costs little."""

    def __init__(self, url: str, space_id: str) -> None:
        self._host = urlsplit(url)
        self._path = f"/v1/spaces/{space_id}/events"

    async def __aenter__(self) -> Live:
        self._reader, self._writer = await asyncio.open_connection(self._host.hostname, self._host.port)
        self._writer.write(f"GET {self._path} HTTP/1.1\r\nhost: rostrum\r\naccept: text/event-stream\r\n\r\n".encode())
        async with asyncio.timeout(10):
            await self.hear("snapshot")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def hear(self, name: str) -> float:
        """When the next event of this name had arrived (`time.perf_counter`)."""
        wanted = f"event: {name}".encode()
        while line := await self._reader.readline():
            if line.rstrip() == wanted:
                return time.perf_counter()
        raise ConnectionError("the gateway closed the stream")
