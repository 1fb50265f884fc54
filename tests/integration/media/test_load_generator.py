"""The load generator joins as listeners do, and hears what was said."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from infra.launcher import System
from tests.bench.media.joining import CHROMIUM, aiortc_offer, crowd, stage
from tests.bench.media.rig import Talkative, build
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # It may be built first, and wait for others that build.
    pytest.mark.timeout(400),
    pytest.mark.skipif(shutil.which("cargo") is None, reason="no cargo on this host: the load generator is not built"),
]
LISTENERS = 10


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live() -> AsyncIterator[tuple[System, str]]:
    """A running system with one live Space, in which somebody talks for two minutes: less than a build may take."""
    await build(optimised=False)
    async with stage() as running:
        yield running


async def heard(joining: Talkative, packets: int) -> dict[str, int]:
    """The counters, once so many packets have arrived and some were looked into."""

    async def enough() -> dict[str, int] | None:
        counted: dict[str, int] = await joining.ask("stats")
        return counted if counted["packets"] >= packets and counted["decrypted"] > 0 else None

    return await eventually(enough)


async def test_listeners_of_both_kinds_join_hear_and_leave(live: tuple[System, str]) -> None:
    system, space = live
    loadgen = await build(optimised=False)
    for offer in (CHROMIUM.read_text(), await aiortc_offer()):
        async with crowd(loadgen, system.url, space, offer) as joining:
            result: dict[str, Any] = await joining.ask(f"join {LISTENERS} 100")
            assert (result["joined"], result["why"]) == (LISTENERS, "")
            took = [result["ms"][reached]["p99"] for reached in ("answer", "ice", "dtls", "audio")]
            assert took == sorted(took)
            counted = await heard(joining, LISTENERS * 10)
            assert (counted["bad"], counted["late"], counted["other"]) == (0, 0, 0)
            assert await joining.ask("leave") == {"left": LISTENERS, "refused": 0}


async def test_what_does_not_join_is_said_with_its_stage(live: tuple[System, str]) -> None:
    loadgen = await build(optimised=False)
    async with crowd(loadgen, live[0].url, "nowhere", CHROMIUM.read_text()) as joining:
        result = await joining.ask("join 3 0")
        assert (result["joined"], result["failed"]["answer"]) == (0, 3)
        assert "404" in result["why"]
