"""Which processes exist, for tests that must leave none."""

from __future__ import annotations

import asyncio
import time

import psutil


def family(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it now."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie that nobody has waited for does not."""
    alive = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
        except psutil.NoSuchProcess:
            continue
    return alive


async def gone(processes: list[psutil.Process], within: float) -> None:
    """Wait until none of them runs. Raises AssertionError naming those that do after `within` seconds."""
    deadline = time.monotonic() + within
    while left := running(processes):
        assert time.monotonic() < deadline, f"still running: {[(p.pid, p.name()) for p in left]}"
        await asyncio.sleep(0.02)
