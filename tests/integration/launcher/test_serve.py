"""`rostrum serve`: services in the foreground, as in a container."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.support.nats import running_nats
from tests.support.processes import family, gone
from tests.support.waiting import eventually


async def serve(var: Path, *services: str, **settings: str) -> asyncio.subprocess.Process:
    """The command, started."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.cli", "serve", *services, "--var", str(var),
        env={**os.environ, **settings}, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("services", "settings", "said", "code"),
    [
        (["people"], {"ROSTRUM_PARTITIONS": "tea"}, "ROSTRUM_PARTITIONS", 2),
        (["people"], {"ROSTRUM_PEOPLE_TEA": "1"}, "ROSTRUM_PEOPLE_TEA is no setting of people", 2),
        (["people"], {}, "NATS at nats://127.0.0.1:1 cannot be reached", 3),
        (["people", "tipping"], {}, "NATS at nats://127.0.0.1:1 cannot be reached", 1),
    ],
)
async def test_what_is_wrong_is_named_on_the_last_line(
    tmp_path: Path, services: list[str], settings: dict[str, str], said: str, code: int
) -> None:
    dead = {"ROSTRUM_NATS_URL": "nats://127.0.0.1:1", "ROSTRUM_START_TIMEOUT": "0.5"}
    process = await serve(tmp_path, *services, **dead, **settings)
    _, errors = await process.communicate()
    assert said in errors.decode().splitlines()[-1]
    assert process.returncode == code


@pytest.mark.parametrize("services", [["people"], ["people", "tipping"]])
async def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, services: list[str]) -> None:
    with running_nats() as server:
        process = await serve(tmp_path, *services, ROSTRUM_NATS_URL=server.url, ROSTRUM_LOG_FORMAT="json")
        try:
            stores = [tmp_path / "stores" / f"{name}.db" for name in services]
            await eventually(lambda: all(store.exists() for store in stores), within=60)
            everybody = family(process.pid)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 20) == 0
            await gone(everybody, within=1)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
