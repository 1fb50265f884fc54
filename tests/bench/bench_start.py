"""How long set-up and start take: from nothing, and when everything is there."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from infra.launcher import System
from tests.bench.harness import Reference, Row

ROOT = Path(__file__).parents[2]
IMPORTS_OF_ONE = "import infra.launcher.preload"


async def measure() -> list[Row]:
    """Start, stop, start again in the same folder; the second start counts."""
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        async with System(Path(folder), gateway_port=0):
            pass
        began = time.perf_counter()
        async with System(Path(folder), gateway_port=0) as system:
            started = time.perf_counter() - began
            services = len(system.services)
            preload = system.preload_info
            began = time.perf_counter()
        stopped = time.perf_counter() - began
    alone = await _timed(sys.executable, "-c", IMPORTS_OF_ONE)
    fresh = await _fresh_setup()
    nothing = min([await _timed("make", "setup") for _ in range(3)])
    return [
        Row(
            "second start, everything installed, until every service is ready", started, "s",
            f"{services} services and NATS; of it {preload['seconds']:.2f} s importing in the fork server",
            Reference(f"{services} interpreters that each import the shared modules, one core", services * alone),
        ),
        Row("stop, everything drained", stopped, "s", "idle"),
        Row("make setup in a fresh clone", fresh, "s", "packages from the local cache where they are in it"),
        Row("make setup with nothing to do", nothing, "s", "best of 3"),
    ]  # fmt: skip


async def _fresh_setup() -> float:
    """Environment, dependencies and the Rust core, from nothing."""
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        await _timed("git", "clone", "-q", str(ROOT), folder)
        return await _timed("make", "-C", folder, "setup")


async def _timed(*command: str) -> float:
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    code = await process.wait()
    if code != 0:
        raise RuntimeError(f"{' '.join(command)} ended with exit code {code}")
    return time.perf_counter() - began
