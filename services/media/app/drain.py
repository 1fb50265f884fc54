"""Stop without a gap: clients connect to another node first, then hang up here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from services.media.app.media_node import MediaNode

_log = logging.getLogger(__name__)
_LOOK: Final = 0.05
_UNHEARD: Final = 1.0
"""Seconds without a listener after which speakers here are not waited for."""


async def drain(
    node: MediaNode, elsewhere: Callable[[], bool], say: Callable[[], Awaitable[None]], most: float
) -> None:
    """Take no more connections, say so, and return when all have left, or after `most` seconds.

    Gateways tell the clients as soon as they know. Returns at once while there is no other node (`elsewhere`), because
    then a restart is the shortest gap.
    """
    if node.is_empty() or not elsewhere():
        return
    loop = asyncio.get_running_loop()
    began = heard = loop.time()
    node.draining = True
    _log.info("draining: clients are to move to another node", extra={"sessions": node.describe().sessions})
    await say()
    while not node.is_empty() and elsewhere():
        now = loop.time()
        if node.listening:
            heard = now
        if now - heard > _UNHEARD or now - began > most:
            break
        await asyncio.sleep(_LOOK)
    _log.info("drained", extra={"left": node.describe().sessions, "seconds": round(loop.time() - began, 2)})
