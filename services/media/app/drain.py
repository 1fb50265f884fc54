"""Stopping without a gap: clients connect to another node first, then hang up here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from services.media.app.media import Media

_log = logging.getLogger(__name__)
_LOOK: Final = 0.05
_UNHEARD: Final = 1.0
"""Seconds without a listener after which those who still speak here speak to nobody."""


async def drain(media: Media, elsewhere: Callable[[], bool], say: Callable[[], Awaitable[None]], most: float) -> None:
    """Take no more connections, say so, and return when all have left, or after `most` seconds.

    Gateways tell the clients when they hear it. Returns at once while there is no other node (`elsewhere`): there the
    shortest gap is to stop and be started again.
    """
    if media.is_empty() or not elsewhere():
        return
    loop = asyncio.get_running_loop()
    began = heard = loop.time()
    media.draining = True
    _log.info("draining: clients are to move to another node", extra={"sessions": media.describe().sessions})
    await say()
    while not media.is_empty() and elsewhere():
        now = loop.time()
        if media.listening:
            heard = now
        if now - heard > _UNHEARD or now - began > most:
            break
        await asyncio.sleep(_LOOK)
    _log.info("drained", extra={"left": media.describe().sessions, "seconds": round(loop.time() - began, 2)})
