"""One client's live events: what it missed, or a snapshot, then everything as it happens.

A client that gave its last id gets the events of its feed between that and the hub's position out of what is kept in
memory or, further back, of the stream's history, and from then on those the hub delivers. Both sides of the seam are
the hub's position at the moment the client was attached, so nothing is missing and nothing comes twice.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Container
from typing import Final

from libs.bus import Bus
from libs.rate_limit import Quota
from libs.refusal import Refusal
from services.gateway.adapters.key_changes import KeyChanges
from services.gateway.app.clients import Client, Clients, Ending
from services.gateway.app.feeds import BarFeed, Feed, OperatorFeed, SpaceFeed
from services.gateway.app.frames import Frame, Position
from services.gateway.app.hub import Hub
from services.gateway.app.resuming import Resuming
from services.gateway.app.server_feed import ServerFeed, Wanted
from services.gateway.app.visibility import Viewer
from services.gateway.app.watched import WatchedSpaces

BEGINNING: Final = "0"
"""The last id of a client that has seen nothing and wants everything that is still in the stream."""


class Stream:
    """A client's stream from its request on. Made by `Streams`, closed by `close`, whatever happens."""

    def __init__(
        self, hub: Hub, resuming: Resuming, clients: Clients, feed: Feed, client: Client, keep_alive: float
    ) -> None:
        self._hub = hub
        self._resuming = resuming
        self._clients = clients
        self._feed = feed
        self.client = client
        self._keep_alive = keep_alive
        self._start = Position("", 0)
        self._last: Position | None = None
        self._reset = False
        self._snapshot = ""

    @property
    def quota(self) -> Quota:
        """How many more streams whoever opened it may open."""
        return self._clients.quota(self.client)

    async def open(self, last_id: str | None) -> None:
        """Attach the client, and ask whether the viewer may see it. Raises Refusal, Unavailable."""
        await self._attach()
        if last_id is None:
            return
        last = Position(self._start.epoch, 0) if last_id == BEGINNING else Position.read(last_id)
        if last is None or not await self._hub.knows(last):
            self._reset = True
            return
        self._last = last
        # It is told what it missed, so the snapshot must hide nothing; events it has had already it is spared.
        self.client.after_version = 0
        self.client.after_sequence = last.sequence
        if self._feed.may_lag:
            self.client.read()

    def close(self) -> None:
        """Detach the client and forget it."""
        self._feed.detach(self.client)
        self._clients.leave(self.client)

    async def chunks(self) -> AsyncIterator[list[Frame]]:
        """What is sent, in order; nothing for a while is an empty one. Raises Refusal, Unavailable."""
        if self._last is not None:
            async for chunk in self._missed(self._last):
                if self.client.is_denied:
                    return
                yield chunk
                if self.client.ending is Ending.OVER:
                    return
        elif not self.client.is_denied:
            yield self._opening()
        while True:
            chunk_or_end = await self.client.take(self._keep_alive)
            if chunk_or_end is not None:
                yield chunk_or_end
            elif self.client.ending is Ending.RESET:
                await self._start_over()
                yield self._opening()
            else:
                return

    async def _attach(self) -> None:
        await self._feed.attach(self.client)
        # Nothing is delivered between these two: the first returns without giving way once the client is attached.
        self._start = self._hub.position
        # Asked also of one who resumes: it is how somebody who was removed meanwhile is refused.
        self._snapshot = await self._feed.snapshot(self.client)

    def _opening(self) -> list[Frame]:
        opening = Frame(self._start, "snapshot", self._snapshot)
        self._snapshot = ""  # what people wrote in it may be erased before the stream ends
        return [Frame(self._start, "reset", "{}"), opening] if self._reset else [opening]

    async def _start_over(self) -> None:
        self._feed.detach(self.client)
        self.client.restart()
        self._reset = True
        await self._attach()

    async def _missed(self, last: Position) -> AsyncIterator[list[Frame]]:
        after, until = last.sequence, self._start
        while True:
            async for frames in self._between(after, until):
                yield frames
            # Between this and the first that is queued again, nothing is delivered.
            if not self.client.reads or self._hub.position == until or self._hub.position.epoch != until.epoch:
                self.client.reads = False
                return
            after, until = until.sequence, self._hub.position

    async def _between(self, after: int, until: Position) -> AsyncIterator[list[Frame]]:
        viewer = self.client.viewer
        batches = self._resuming.missed(self._feed.keys(), self._feed.filters(viewer), after, until)
        async with contextlib.aclosing(batches):
            async for batch in batches:
                frames: list[Frame] = []
                for kept in batch:
                    # While it is waited for, its words may be erased.
                    if self._feed.shows(kept.event, viewer) and await self._feed.stands(kept.event) and not kept.gone:
                        frames.append(kept.frame_for(viewer))
                        if self._feed.ends(kept.event, viewer):
                            self.client.end(Ending.OVER)
                            break
                if frames:
                    yield frames
                if self.client.ending is Ending.OVER:
                    return


class Streams:
    """Opens streams. Whoever is among the `suspended` or the `erased` gets none."""

    def __init__(
        self,
        bus: Bus,
        hub: Hub,
        resuming: Resuming,
        spaces: WatchedSpaces,
        clients: Clients,
        suspended: Container[str],
        erased: Container[str],
        keys: KeyChanges,
        *,
        ask_seconds: float,
        keep_alive: float,
    ) -> None:
        self._bus = bus
        self._hub = hub
        self._resuming = resuming
        self._spaces = spaces
        self._clients = clients
        self._suspended = suspended
        self._erased = erased
        self._keys = keys
        self._ask_seconds = ask_seconds
        self._keep_alive = keep_alive

    async def of_space(
        self, space_id: str, viewer: Viewer, last_id: str | None, session: str | None = None, address: str = ""
    ) -> Stream:
        """The live events of a Space. Refuses: space_unknown, removed, suspended, too_many_requests, unavailable."""
        feed = SpaceFeed(self._bus, self._spaces, space_id, self._ask_seconds)
        return await self._open(feed, viewer, last_id, session, address)

    async def of_bar(self, viewer: Viewer, person_id: str, last_id: str | None) -> Stream:
        """A person's own events: the changes of their live bar, and what is told to them wherever they are."""
        return await self._open(BarFeed(self._bus, self._hub.bars, person_id, self._ask_seconds), viewer, last_id)

    async def of_operators(self, viewer: Viewer, last_id: str | None) -> Stream:
        """What is for operators; the caller has checked that the viewer is one."""
        return await self._open(OperatorFeed(self._hub.operators), viewer, last_id)

    async def of_server(self, viewer: Viewer, wanted: Wanted, last_id: str | None) -> Stream:
        """What a server of the host product may know of all Spaces. Refuses: space_unknown, space_deleted,
        unauthenticated, too_many_requests, unavailable."""
        return await self._open(ServerFeed(self._bus, self._hub.servers, wanted, self._ask_seconds), viewer, last_id)

    async def _open(
        self, feed: Feed, viewer: Viewer, last_id: str | None, session: str | None = None, address: str = ""
    ) -> Stream:
        # Asked at the moment the client is admitted, so that nobody slips in while their suspension ends their streams.
        if viewer.person_id is not None and viewer.person_id in self._erased:
            raise Refusal("unauthenticated", "This account was deleted.")
        if viewer.person_id is not None and viewer.person_id in self._suspended:
            raise Refusal("suspended", "Your account is suspended. You can appeal.")
        client = self._clients.admit(viewer, session, address)
        client.end_with_key(self._keys)
        if client.ending is not None:
            self._clients.leave(client)
            raise Refusal("unauthenticated", "This API key was revoked or rotated.")
        stream = Stream(self._hub, self._resuming, self._clients, feed, client, self._keep_alive)
        try:
            await stream.open(last_id)
        except BaseException:
            stream.close()
            raise
        return stream
