"""What media answers, and what it hears from room."""

from __future__ import annotations

import asyncio
import logging

from contracts import subjects
from contracts.commands import Nothing
from contracts.media import v1
from contracts.room.v1 import Space, SpaceQuery
from libs.bus import Bus, Handlers, StreamReset, Unavailable
from libs.refusal import Refusal
from services.media.app import Media, Quality

_log = logging.getLogger(__name__)


def handlers(media: Media, quality: Quality) -> Handlers:
    """The commands and queries of one node."""
    table = Handlers("media")

    @table.on(v1.Connect)
    async def connect(command: v1.Connect) -> v1.Answer:
        return await media.connect(command)

    @table.on(v1.Disconnect)
    async def disconnect(command: v1.Disconnect) -> Nothing:
        media.disconnect(command.session_id)
        return Nothing()

    @table.on(v1.Trickle)
    async def trickle(command: v1.Trickle) -> Nothing:
        media.trickle(command.session_id, command.fragment, command.etag)
        return Nothing()

    @table.on(v1.Restart)
    async def restart(command: v1.Restart) -> v1.Restarted:
        return media.restart(command.session_id, command.fragment)

    @table.on(v1.ConnectionsQuery)
    async def connections(query: v1.ConnectionsQuery) -> v1.Connections:
        return media.connections(query.after)

    @table.on(v1.SpaceQualityQuery)
    async def space_quality(query: v1.SpaceQualityQuery) -> v1.SpaceConnections:
        return await quality.ask(query.space_id)

    return table


class RoomFollower:
    """Hears room's events from the moment it started. Snapshots asked for after `ready` miss none of them."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.ready = asyncio.Event()

    async def snapshot(self, space_id: str) -> Space:
        """The Space as room knows it now. Raises Refusal, Unavailable."""
        await self.ready.wait()
        return (await self._bus.ask(SpaceQuery(space_id=space_id, follower=True), timeout=2.0)).result

    async def run(self, media: Media) -> None:
        """Follows, for ever."""
        epoch = await self._bus.stream_epoch()
        after = await self._bus.last_sequence()
        while True:
            self.ready.set()
            try:
                async for batch in self._bus.follow(filters=[subjects.events_of("room")], after=after, epoch=epoch):
                    for received in batch:
                        media.saw(received.event)
                return
            except StreamReset as reset:
                _log.warning("the event stream was made anew")
                epoch = reset.epoch
                after = await self._bus.last_sequence()
                await self._refresh(media)

    async def _refresh(self, media: Media) -> None:
        while True:
            try:
                await media.refresh()
                return
            except (Refusal, Unavailable) as error:
                _log.warning("Spaces cannot be looked at again yet", extra={"why": str(error)})
                await asyncio.sleep(0.5)
