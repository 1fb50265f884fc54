"""Full joins through the gateway: what one costs all services together, how long it takes, what a listener holds.

The load generator joins; here it is started, and the services' CPU and memory are read from the operating system.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
from aiortc import RTCPeerConnection

from infra.launcher import System
from tests.bench.media.rig import ROOT, Talkative
from tests.bench.media.speech import opus_speech, write_payloads
from tests.support.webrtc import speaker

SERVICES: Final = ("room", "people", "media", "gateway")
CHROMIUM: Final = ROOT / "tests" / "unit" / "media" / "offers" / "chromium_listens.sdp"
MOST: Final = 64
"""Joins that are under way at the same time, at a given rate."""
HANDSHAKES_GONE: Final = 5.0
"""Seconds after which finished handshakes are dropped."""
IDLE: Final = 1.5
LEFT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Took:
    """Milliseconds from the POST until one stage was reached."""

    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Joined:
    """One crowd that joined."""

    joined: int
    failed: dict[str, int]
    """How many failed on the way to which stage."""
    ms: dict[str, Took]
    """By stage: `answer` (of the POST), `ice`, `dtls`, `audio` (the first packet, decrypted)."""
    behind_ms: float
    """How late the latest join began, because too many others were under way."""
    cpu: dict[str, float]
    """Seconds of CPU by service, from the first POST to the last first packet, without what the crowd cost that had
    joined already."""
    seconds: float
    bytes_each: float
    """Resident memory of the media process that came with each listener, once handshakes are dropped."""

    def per_core(self, *services: str) -> float:
        """Joins for a second of these services' CPU, of all without a name."""
        return self.joined / sum(self.cpu[name] for name in services or self.cpu)

    def split(self) -> str:
        """Milliseconds of CPU per join, by service."""
        each = {name: seconds / max(1, self.joined) * 1000 for name, seconds in self.cpu.items()}
        return "ms per join: " + ", ".join(f"{name} {max(0.0, ms):.2f}" for name, ms in each.items())

    def describe(self) -> str:
        """Failures and stages in one line."""
        failed = ", ".join(f"{count} on the way to {stage}" for stage, count in self.failed.items() if count)
        stages = ", ".join(f"{stage} {took.p50:.0f}/{took.p99:.0f}" for stage, took in self.ms.items())
        return f"{failed or 'none'} failed; p50/p99 in ms from the POST: {stages}"


async def aiortc_offer() -> str:
    """What aiortc offers to hear three slots."""
    pc = RTCPeerConnection()
    for _ in range(3):
        pc.addTransceiver("audio", direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    sdp = pc.localDescription.sdp
    await pc.close()
    return sdp


@asynccontextmanager
async def crowd(loadgen: Path, url: str, space: str, offer: str, *, most: int = MOST) -> AsyncIterator[Talkative]:
    """Listeners that can join a Space, all with an offer like this one; see the load generator for its orders."""
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        template, payloads = Path(folder) / "offer.sdp", Path(folder) / "speech"
        template.write_text(offer)
        write_payloads(payloads, opus_speech())
        command = (loadgen, "join", url, f"/v1/spaces/{space}/whep", template, payloads, str(most))
        async with Talkative(*command) as joining:
            yield joining


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
    return {name: cpu_of(system.pid(name)) for name in SERVICES}


def cpu_of(pid: int) -> float:
    """CPU of a process since its start, user and system, in seconds."""
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


async def join(system: System, joining: Talkative, joins: int, per_second: float, *, settle: bool = False) -> Joined:
    """Lets so many join, at a rate or (0) each as soon as another one is there; with `settle`, waits until finished
    handshakes are dropped."""
    media = psutil.Process(system.pid("media"))
    before = media.memory_info().rss
    idle = await _idle(system)
    cpu = cpu_seconds(system)
    result: dict[str, Any] = await joining.ask(f"join {joins} {per_second}")
    spent = {name: seconds - cpu[name] for name, seconds in cpu_seconds(system).items()}
    crowded = await _idle(system)
    # Over the joins the crowd was half as large as at their end, on average.
    for name in spent:
        spent[name] -= result["seconds"] * (idle[name] + crowded[name]) / 2
    if settle:
        await asyncio.sleep(HANDSHAKES_GONE)
    held = media.memory_info().rss - before
    if result["why"]:
        print(f"  {joins - result['joined']} of {joins} joins failed: {result['why']}", file=sys.stderr)
    return Joined(
        joined=result["joined"],
        failed=result["failed"],
        ms={stage: Took(**took) for stage, took in result["ms"].items() if took["p50"] is not None},
        behind_ms=result["behind_ms"],
        cpu=spent,
        seconds=result["seconds"],
        bytes_each=held / max(1, result["joined"]),
    )


async def leave(joining: Talkative) -> None:
    """Everybody hangs up; returns once the services have most of that behind them."""
    await joining.ask("leave")
    await asyncio.sleep(LEFT)


async def hear(system: System, joining: Talkative, seconds: float) -> tuple[float, dict[str, int]]:
    """CPU of the whole media process per packet that the crowd hears, in microseconds, and the crowd's counters."""
    before, cpu = await joining.ask("stats"), cpu_of(system.pid("media"))
    await asyncio.sleep(seconds)
    after, spent = await joining.ask("stats"), cpu_of(system.pid("media")) - cpu
    counted = {name: value - before[name] for name, value in after.items()}
    return spent * 1e6 / max(1, counted["packets"]), counted
