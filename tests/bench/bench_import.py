"""What it takes to import a product's people and who follows whom, through the HTTP API for its servers.

`BENCH_FOLLOWS` says how many follows (100,000); a million is the size that an import is meant for. A fifth of
the way, the process of people is killed with -9, and the importer sends again what was not answered.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import psutil

from infra.launcher import System
from tests.bench.harness import Reference, Row, say
from tests.support.command import rostrum

FOLLOWS: Final = int(os.environ.get("BENCH_FOLLOWS", "100000"))
PEOPLE: Final = max(1000, FOLLOWS // 100)
EACH: Final = FOLLOWS // PEOPLE
_PEOPLE_TOGETHER: Final = 500
_LINES_TOGETHER: Final = 20_000
_FLOOR: Final = 20_000


def _people() -> Iterator[str]:
    for first in range(0, PEOPLE, _PEOPLE_TOGETHER):
        some = range(first, min(PEOPLE, first + _PEOPLE_TOGETHER))
        yield json.dumps({"people": [{"subject": f"u-{n}", "name": f"Person {n}", "handle": f"p{n}"} for n in some]})


def _relations() -> Iterator[str]:
    lines: list[str] = []
    for n in range(PEOPLE):
        for step in range(1, EACH + 1):
            lines.append(json.dumps({"subject": f"u-{n}", "does": "follow", "whom": f"u-{(n + step) % PEOPLE}"}))
            if len(lines) == _LINES_TOGETHER:
                yield "\n".join(lines)
                lines = []
    if lines:
        yield "\n".join(lines)


def _floor(folder: Path) -> float:
    """Rows a second that SQLite takes as the event store has them: 500 in a transaction, on disk each time."""
    database = sqlite3.connect(folder / "floor.db", isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE facts (id TEXT, version INTEGER, topic TEXT, state BLOB, PRIMARY KEY (id, version))")
    state = b"x" * 200
    started = time.perf_counter()
    for first in range(0, _FLOOR, 500):
        database.execute("BEGIN")
        database.executemany(
            "INSERT INTO facts VALUES (?, ?, 'followed', ?)", [(f"p{first // 500}", n, state) for n in range(500)]
        )
        database.execute("COMMIT")
    took = time.perf_counter() - started
    database.close()
    return _FLOOR / took


async def _sent(client: httpx.AsyncClient, path: str, body: str, kind: str) -> tuple[int, int]:
    """What was refused, and how often it was sent, as an importer sends that goes on after any interruption."""
    for times in range(1, 200):
        try:
            answer = await client.post(path, content=body, headers={"content-type": kind})
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code == 200:
            return int(answer.json().get("refused", 0)), times
        if answer is not None and answer.status_code not in (429, 503):
            raise RuntimeError(answer.text)
        await asyncio.sleep(0.2)
    raise RuntimeError("people do not come back")


def _process(system: System) -> psutil.Process:
    return psutil.Process(system.pid("people"))


async def measure() -> list[Row]:
    """Every figure of an import."""
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-", dir="/var/tmp") as folder:
        return await _measure(Path(folder))


async def _measure(folder: Path) -> list[Row]:
    floor = _floor(folder)
    async with System(folder / "var", gateway_port=0, services=("people", "gateway")) as system:
        made = await rostrum(
            "keys", "--var", str(folder / "var"), "--json", "create", "b", "--for", "people", "--for", "relations"
        )
        headers = {"authorization": f"Bearer {json.loads(made.out)['key']}"}
        async with httpx.AsyncClient(base_url=system.url, headers=headers, timeout=120) as client:
            say(f"telling of {PEOPLE:,} people")
            started = time.perf_counter()
            for body in _people():
                await _sent(client, "/v1/server/people", body, "application/json")
            people = PEOPLE / (time.perf_counter() - started)
            say(f"telling of {FOLLOWS:,} follows")
            bodies, again, lost, refused, most = list(_relations()), 0, 0.0, 0, 0
            started = time.perf_counter()
            for place, body in enumerate(bodies):
                begun = time.perf_counter()
                sending = asyncio.create_task(_sent(client, "/v1/server/relations", body, "application/x-ndjson"))
                if place == len(bodies) // 5:
                    await asyncio.sleep(0.3)
                    system.kill("people")
                no, times = await sending
                if place == len(bodies) // 5:
                    again, lost = times, time.perf_counter() - begun
                refused += no
                most = max(most, _process(system).memory_info().rss)
            took = time.perf_counter() - started
            if refused:
                raise RuntimeError(f"{refused} follows were refused")
    conditions = f"{PEOPLE:,} people, each follows {EACH}; through the gateway, one request at a time; files on disk"
    base = Reference("SQLite: rows of 200 bytes, 500 in a transaction", floor)
    return [
        Row("new people of a product", people, "/s", f"{PEOPLE:,}, {_PEOPLE_TOGETHER} in a request", base),
        Row("follows", FOLLOWS / took, "/s", f"{conditions}, with the kill below in it", base),
        Row("all follows", took, "s", conditions),
        Row("a request whose process was killed with -9, until it is answered", lost, "s",
            f"{_LINES_TOGETHER:,} lines, sent {again} times; a request usually takes {took / len(bodies):.1f} s"),
        Row("memory of people's process", most / 1e6, "MB", f"RSS, the most seen; {conditions}"),
    ]  # fmt: skip
