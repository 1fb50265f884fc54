"""Where the CPU of a process goes, by `perf`: shares of the whole, from the call stacks of its samples."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

FREQUENCY: Final = 997
"""Samples a second; no divisor of what happens every 20 ms."""
HOW_TO_GET_IT: Final = "no perf, or it is not allowed (Debian and Ubuntu: apt-get install linux-perf)"
OURS: Final = "our own code"
_KERNEL: Final = (
    ("waking the readers", ("sock_def_readable",)),
    ("receiving side of loopback", ("net_rx_action", "process_backlog")),
    ("device queue", ("__dev_queue_xmit",)),
    ("socket buffer and copy", ("__ip_append_data", "skb_release_data")),
    ("rest of UDP and IP", ("udp_sendmsg",)),
    ("message headers", ("__sys_sendmmsg",)),
    ("reading", ("__x64_sys_recvmmsg", "__x64_sys_epoll_wait", "__x64_sys_poll", "__x64_sys_ppoll")),
)
"""The first that stands anywhere in a stack is what the sample is counted for."""
_CIPHER: Final = ("aes", "aead", "ghash")


async def record(pid: int, seconds: float) -> str | None:
    """What `perf script` says of that many seconds of a process; None where there is no perf, or it may not."""
    if shutil.which("perf") is None:
        return None
    quiet = asyncio.subprocess.DEVNULL
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        data = str(Path(folder) / "perf.data")
        record = await asyncio.create_subprocess_exec(
            *("perf", "record", "--quiet", "--freq", str(FREQUENCY), "-g", "--pid", str(pid), "--output", data),
            *("--", "sleep", str(seconds)),
            stdout=quiet,
            stderr=quiet,
        )
        if await record.wait() != 0:
            return None
        script = await asyncio.create_subprocess_exec(
            *("perf", "script", "--input", data, "--fields", "ip,sym"),
            stdout=asyncio.subprocess.PIPE,
            stderr=quiet,
        )
        stacks, _ = await script.communicate()
    return stacks.decode(errors="replace") if stacks else None


def shares(script: str) -> dict[str, float]:
    """Fractions of the samples by what they were spent on, the largest first: `kernel, ...` or `our own code, ...`."""
    counted = Counter(_group(stack) for stack in _stacks(script.splitlines()))
    return {group: count / counted.total() for group, count in counted.most_common()}


def top(script: str, most: int) -> list[tuple[str, float]]:
    """The symbols that samples were taken in most often, with their fractions."""
    counted = Counter(stack[0][1] for stack in _stacks(script.splitlines()))
    return [(symbol, count / counted.total()) for symbol, count in counted.most_common(most)]


def _stacks(lines: Iterable[str]) -> Iterator[list[tuple[bool, str]]]:
    """Of each sample whether the frame is the kernel's, and the frame's symbol, the innermost first."""
    stack: list[tuple[bool, str]] = []
    for line in [*lines, ""]:
        address, _, symbol = line.strip().partition(" ")
        if address:
            # Half of the address space is the kernel's.
            stack.append((len(address) == 16 and address >= "8", symbol))
        elif stack:
            yield stack
            stack = []


def _group(stack: Sequence[tuple[bool, str]]) -> str:
    symbols = [symbol for _, symbol in stack]
    if stack[0][0]:
        for group, marks in _KERNEL:
            if any(mark in symbols for mark in marks):
                return f"kernel, {group}"
        return "kernel, other"
    sealing = any(mark in symbols[0] for mark in _CIPHER)
    return f"{OURS}, {'AES-GCM' if sealing else 'forwarding'}"
