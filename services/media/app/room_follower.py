"""Room's events as a media node follows them."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from contracts import subjects
from contracts.commands import Query, R
from contracts.room.follow import snapshot
from contracts.room.v1 import Space
from libs.bus import Bus, Unavailable
from libs.bus.anew import StreamPlace, follow_anew
from libs.bus.halts import Unreadable
from libs.refusal import Refusal
from services.media.app.media_node import MediaNode

_log = logging.getLogger(__name__)


class RoomFollower:
    """Follows room's events from its start on. Snapshots asked for after `ready` miss none of them."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.ready = asyncio.Event()

    async def snapshot(self, space_id: str) -> Space:
        """Ask room for the Space's present state. Raises Refusal, Unavailable."""
        await self.ready.wait()
        return await snapshot(space_id, self._ask, words=False)

    async def _ask(self, query: Query[R]) -> R:
        return (await self._bus.ask(query, timeout=2.0)).result

    async def run(self, node: MediaNode) -> None:
        """Follow, for ever."""
        after: int | None = None

        async def begin(reset: str | None) -> StreamPlace:
            nonlocal after
            epoch = await self._bus.stream_epoch()
            if after is None or reset is not None:
                after = await self._bus.last_sequence()
            if reset is not None:
                await self._refresh(node)
            self.ready.set()
            return StreamPlace(epoch, after)

        async def look_again(event: Unreadable) -> None:
            _log.error("%s cannot be read; room is asked instead", event.subject, extra={"why": event.why})
            await self._refresh(node)

        follow = partial(self._bus.follow, filters=[subjects.events_of("room")], unreadable=look_again)
        async for batch in follow_anew(self._bus, "the follower of room", begin, follow):
            for received in batch:
                node.saw(received.event)
                after = received.sequence

    async def _refresh(self, node: MediaNode) -> None:
        while True:
            try:
                await node.spaces.refresh()
                return
            except (Refusal, Unavailable) as error:
                _log.warning("Spaces cannot be looked at again yet", extra={"why": str(error)})
                await asyncio.sleep(0.5)
