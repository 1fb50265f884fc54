"""Full joins through the gateway: what one costs all services together, how long it takes, what a listener holds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from infra.launcher import System
from tests.bench.media.rig import Talkative
from tests.bench.media.speech import opus_speech
from tests.support.webrtc import speaker

SERVICES: Final = ("room", "people", "media", "gateway")
HANDSHAKES_GONE: Final = 5.0
"""Seconds after which finished handshakes are dropped."""
IDLE: Final = 1.5


@dataclass(frozen=True, slots=True)
class Joined:
    """One crowd that joined."""

    ms: list[float]
    """From the POST to the first audio."""
    failed: int
    cpu: dict[str, float]
    """Seconds of CPU by service, from the first POST to the last first packet, without what the crowd cost that had
    joined already."""
    seconds: float
    bytes_each: float
    """Resident memory of the media process that came with each listener, once handshakes are dropped."""


@asynccontextmanager
async def stage() -> AsyncIterator[tuple[System, str]]:
    """A running system with one live Space whose host talks on and on."""
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        async with (
            System(Path(folder), gateway_port=0, services=SERVICES) as system,
            httpx.AsyncClient(base_url=system.url, timeout=10) as http,
        ):
            signed_up = (await http.post("/v1/people", json={"handle": "host", "name": "Host"})).json()
            http.headers["authorization"] = f"Bearer {signed_up['token']}"
            space = (await http.post("/v1/spaces", json={"title": "Bench"})).raise_for_status().json()["id"]
            me = signed_up["person"]["id"]
            (await http.post(f"/v1/spaces/{space}/stage/{me}/unmute")).raise_for_status()

            async def whip(offer: str) -> str:
                headers = {"content-type": "application/sdp"}
                answer = await http.post(f"/v1/spaces/{space}/whip", content=offer, headers=headers)
                return answer.raise_for_status().text

            async with speaker(whip) as host:
                host.track.say(opus_speech(20) * 6)
                yield system, space


def cpu_seconds(system: System) -> dict[str, float]:
    """CPU of each service since its start, user and system."""
    return {name: _cpu(system.pid(name)) for name in SERVICES}


def _cpu(pid: int) -> float:
    tasks = Path(f"/proc/{pid}/task")
    total = 0
    for task in tasks.iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


async def _idle(system: System) -> dict[str, float]:
    """What nobody's joining costs, in seconds of CPU a second."""
    before = cpu_seconds(system)
    await asyncio.sleep(IDLE)
    return {name: (seconds - before[name]) / IDLE for name, seconds in cpu_seconds(system).items()}


async def join(system: System, space: str, joins: int, per_second: float, *, settle: bool = False) -> Joined:
    """Lets a crowd join; with `settle` it stays until finished handshakes are dropped."""
    media = psutil.Process(system.pid("media"))
    before = media.memory_info().rss
    command = (sys.executable, "-m", "tests.bench.media.joiner", system.url, space, str(joins), str(per_second))
    async with Talkative(*command) as joiner:
        await joiner.answer()
        idle = await _idle(system)
        cpu = cpu_seconds(system)
        result: dict[str, Any] = await joiner.ask("")
        spent = {name: seconds - cpu[name] for name, seconds in cpu_seconds(system).items()}
        crowded = await _idle(system)
        # Over the joins the crowd was half as large as at their end, on average.
        for name in spent:
            spent[name] -= result["seconds"] * (idle[name] + crowded[name]) / 2
        if settle:
            await asyncio.sleep(HANDSHAKES_GONE)
        held = media.memory_info().rss - before
    if result["failed"]:
        print(f"  {result['failed']} of {joins} joins failed: {json.dumps(result['why'])}", file=sys.stderr)
    return Joined(result["ms"], result["failed"], spent, result["seconds"], held / max(1, len(result["ms"])))
