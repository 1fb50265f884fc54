"""Streams of the machine's NATS that refuse writes.

NATS closes a stream to writers for good when a write of it failed, and opens it only when it starts. So a disk that was
full for a moment would stop everything until somebody restarts NATS by hand.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

import nats
import nats.errors

from infra.launcher.bus import LocalNats, ignore
from infra.nats import server

LOOK_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 15.0
"""The least time between two restarts of NATS, which may refuse writes for another reason than a full disk."""
ROOM_BYTES: Final = 32 * 1024 * 1024
"""NATS is not restarted while the disk has less room, or less than `ROOM_SHARE`: it would refuse again at once."""
ROOM_SHARE: Final = 0.02


async def keep_writable(
    local: LocalNats, folder: Path, say: Callable[[str], None], restart: Callable[[], None]
) -> None:
    """Have NATS restarted when a stream refuses writes, as soon as the disk of its folder has room; for ever."""
    clock = asyncio.get_running_loop().time
    known: dict[str, str] = {}
    restarted = float("-inf")
    async for refused in refusing(local):
        if refused.keys() - known.keys():
            reasons = ", ".join(f"{stream} ({why})" for stream, why in sorted(refused.items()))
            say(f"nats: refuses writes to {reasons}")
        known = refused
        if refused and clock() - restarted >= AGAIN_SECONDS and has_room(folder):
            say("nats: is restarted, because it takes writes again only then")
            restarted = clock()
            restart()


async def refusing(local: LocalNats) -> AsyncIterator[dict[str, str]]:
    """Every second, which streams refuse writes, and why; nothing while NATS does not answer."""
    user, password = local.credentials(server.HEALTH)
    client = await nats.connect(
        local.url, user=user, password=password, error_cb=ignore, max_reconnect_attempts=-1, reconnect_time_wait=1
    )
    try:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                reply = await client.request(server.ASK_HEALTH, b'{"details":true}', timeout=LOOK_SECONDS)
            except (nats.errors.Error, TimeoutError, OSError):
                continue
            yield read(reply.data)
    finally:
        await client.close()


def read(answer: bytes) -> dict[str, str]:
    """The streams that refuse writes, and why, of what NATS says of its health (`HealthStatus` in its server package).

    Nothing else that may be wrong with a stream is mended by starting anew.
    """
    errors = (json.loads(answer).get("data") or {}).get("errors") or ()
    return {
        error["stream"]: error["error"].rpartition(": ")[2]
        for error in errors
        if error.get("stream") and "write error" in error.get("error", "")
    }


def has_room(folder: Path) -> bool:
    """Whether the disk of a folder has room; also where there is no such folder any more."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return True
    free, size = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    return free >= min(ROOM_BYTES, size * ROOM_SHARE) if size else True
