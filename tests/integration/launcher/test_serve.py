"""`rostrum serve`: services in the foreground, as in a container."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.support.command import rostrum, running_rostrum
from tests.support.nats import running_nats
from tests.support.processes import family, gone
from tests.support.waiting import LIMIT, eventually


@pytest.mark.parametrize(
    ("services", "settings", "said", "expected"),
    [
        (["people"], {"ROSTRUM_PARTITIONS": "tea"}, "ROSTRUM_PARTITIONS", 2),
        (["people"], {"ROSTRUM_PEOPLE_TEA": "1"}, "ROSTRUM_PEOPLE_TEA is no setting of people", 2),
        (["people"], {}, "NATS at nats://127.0.0.1:1 cannot be reached", 3),
        (["people", "tipping"], {}, "NATS at nats://127.0.0.1:1 cannot be reached", 1),
    ],
)
async def test_what_is_wrong_is_named_on_the_last_line(
    tmp_path: Path, services: list[str], settings: dict[str, str], said: str, expected: int
) -> None:
    dead = {"ROSTRUM_NATS_URL": "nats://127.0.0.1:1", "ROSTRUM_START_TIMEOUT": "0.5"}
    code, _, errors = await rostrum("serve", *services, "--var", str(tmp_path), env={**dead, **settings})
    assert said in errors.splitlines()[-1]
    assert code == expected


@pytest.mark.parametrize("services", [["people"], ["people", "tipping"]])
async def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, services: list[str]) -> None:
    with running_nats() as server:
        env = {"ROSTRUM_NATS_URL": server.url, "ROSTRUM_LOG_FORMAT": "json"}
        async with running_rostrum("serve", *services, "--var", str(tmp_path), env=env) as process:
            stores = [tmp_path / "stores" / f"{name}.db" for name in services]
            await eventually(lambda: all(store.exists() for store in stores))
            everybody = family(process.pid)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), LIMIT) == 0
            await gone(everybody)
