"""Which processes exist, for tests that must leave none."""

from __future__ import annotations

import psutil

from tests.support.waiting import LIMIT, eventually


def family(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it now."""
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def own_children() -> frozenset[int]:
    """Ids of this process's children: servers that the tests share, say, which stay when a test is over."""
    return frozenset(child.pid for child in psutil.Process().children())


def started_since(children: frozenset[int]) -> list[psutil.Process]:
    """All that descends from this process now, but for those `children` and what descends from them."""
    new = [child for child in psutil.Process().children() if child.pid not in children]
    return [process for child in new for process in family(child.pid)]


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


async def gone(processes: list[psutil.Process], within: float = LIMIT) -> None:
    """Wait until none of them runs. Raises AssertionError naming those that do after `within` seconds."""
    try:
        await eventually(lambda: not running(processes), within=within)
    except AssertionError:
        raise AssertionError(f"still running: {[(p.pid, p.name()) for p in running(processes)]}") from None
