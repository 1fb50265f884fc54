"""The machine itself: settings, disk, file limits, clock and ports."""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import socket
import time
from pathlib import Path
from typing import Final

from contracts.subjects import SERVICES
from infra.doctor.findings import Finding, bad, good, worth_knowing
from infra.doctor.situation import Situation, settings_of
from libs.identity import AddressRefused
from libs.service import BadSettings, Reserve
from services.gateway.main.identity import check_addresses

_GB: Final = 1_000_000_000
_FEW_GB: Final = 10.0
"""An hour of a recorded Space with three speakers takes about 0.1 GB."""
_SLOW_SYNC: Final = 0.05
_FEW_FILES: Final = 16_384
_CLOCK_UNSYNCHRONISED: Final = 5
"""TIME_ERROR of adjtimex(2)."""


async def settings(situation: Situation) -> Finding:
    """Every service can read its settings, and the gateway may be reached where they say."""
    for service in SERVICES:
        try:
            settings_of(service, situation.environment)
        except BadSettings as error:
            return bad(str(error), "change or remove that variable; docs/settings.md has all of them")
    try:
        check_addresses(situation.gateway)
    except AddressRefused as error:
        return bad(str(error), "docs/public.md says what a public address needs")
    ours = sum(name.startswith("ROSTRUM_") for name in situation.environment)
    return good(f"{ours} set, all understood")


async def disk(situation: Situation) -> Finding:
    """The disk of the data has room, takes files, and is not slow to make them durable."""
    var = situation.var
    folder = var
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    state = os.statvfs(folder)
    free = state.f_bavail * state.f_frsize / _GB
    if lack := Reserve(var, situation.gateway.disk_reserve_mb).lack():
        return bad(lack, "make room, or put the data elsewhere (ROSTRUM_VAR)")
    try:
        took = await asyncio.to_thread(_sync, folder)
    except OSError as error:
        return bad(
            f"{folder} takes no files: {error.strerror}", "give its owner the right to write, or set ROSTRUM_VAR"
        )
    if free < _FEW_GB:
        return worth_knowing(f"{free:.1f} GB free for {var}", "recordings need about 0.1 GB an hour; make room")
    if took > _SLOW_SYNC:
        return worth_knowing(
            f"{free:.0f} GB free for {var}, which takes {took * 1000:.0f} ms to sync a file",
            "every command waits for the disk: a local SSD needs about 1 ms",
        )
    return good(f"{free:.0f} GB free for {var}; a file is synced in {took * 1000:.1f} ms")


def _sync(folder: Path) -> float:
    """Seconds until a small file is on the disk, at best of three. Raises OSError."""
    path = folder / f".rostrum-doctor-{os.getpid()}"
    best = float("inf")
    try:
        with open(path, "wb") as file:
            for _ in range(3):
                file.write(b"x" * 4096)
                file.flush()
                began = time.perf_counter()
                os.fsync(file.fileno())
                best = min(best, time.perf_counter() - began)
    finally:
        path.unlink(missing_ok=True)
    return best


async def open_files(situation: Situation) -> Finding:
    """A process may open enough files: each connection of a client is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = soft if soft != resource.RLIM_INFINITY else hard
    if most != resource.RLIM_INFINITY and most < _FEW_FILES:
        return worth_knowing(
            f"a process may open {most} files, so about {most} clients reach one gateway",
            "raise the limit: LimitNOFILE=65536 in the systemd unit, or ulimit -n 65536",
        )
    return good("unlimited" if most == resource.RLIM_INFINITY else f"{most} a process")


async def clock(situation: Situation) -> Finding:
    """The kernel's clock is kept right by a time service."""
    buffer = ctypes.create_string_buffer(512)  # struct timex, with its modes at 0: nothing is changed
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(buffer)
    except (OSError, AttributeError):
        state = -1
    if state == _CLOCK_UNSYNCHRONISED:
        return worth_knowing(
            "no time service keeps this machine's clock right",
            "start one (systemd-timesyncd, chrony): tokens and leases allow for 60 s",
        )
    if state < 0:
        return worth_knowing("the kernel does not say whether the clock is right", "see to it that a time service runs")
    return good("kept right by a time service")


async def gateway_port(situation: Situation) -> Finding:
    """The gateway can have its port, or has it."""
    host, port = situation.gateway.host.strip("[]"), situation.gateway.port
    if situation.running is not None and situation.running.get("url"):
        return good(f"taken by the gateway that runs ({situation.running['url']})")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return bad(
                f"port {port} on {host} cannot be had: {error.strerror}",
                "stop what holds it, or take another one (ROSTRUM_GATEWAY_PORT); ports below 1024 need "
                "CAP_NET_BIND_SERVICE",
            )
    return good(f"{host}:{port} is free")
