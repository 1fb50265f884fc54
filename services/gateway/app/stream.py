"""One client's live events: what it missed, or a snapshot, then everything as it happens.

A client that gave its last id gets the events of its Space between that and the hub's position from the stream's
history, and from then on those the hub delivers. Both sides of the seam are the hub's position at the moment the client
was registered, so nothing is missing and nothing comes twice.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from contracts.envelope import Event
from libs.bus import Received
from services.gateway.adapters import history
from services.gateway.app.frames import Frame, Position, frame_of
from services.gateway.projection import Viewer, told_to

if TYPE_CHECKING:
    from services.gateway.app.hub import Hub

_CHUNK: Final = 64 * 1024
BEGINNING: Final = "0"
"""The last id of a client that has seen nothing and wants everything that is still in the stream."""


class Ending(StrEnum):
    """Why a client's queue takes no more."""

    OVER = "over"
    """It has been sent its last event; what waits is still sent."""
    LAGGING = "lagging"
    """It reads too slowly. It is cut off, and resumes from the last id it has."""
    RESET = "reset"
    """The stream was rebuilt."""
    SUSPENDED = "suspended"
    """The viewer may see nothing more, not even what waits; they come back and are refused."""
    STOPPING = "stopping"
    """This process ends. Clients resume on the next one."""


class Client:
    """The bounded queue between the hub and one response."""

    def __init__(self, viewer: Viewer, limit: int, session: str | None = None) -> None:
        self.viewer = viewer
        self.session = session
        """The session it keeps alive, which is all that tells who an anonymous one is."""
        self.after_version = 0
        """Room events up to this version are in the snapshot the client has."""
        self.after_sequence = 0
        self.ending: Ending | None = None
        self.cut = asyncio.Event()
        """Set when the response must end even while it is stuck in a write."""
        self._limit = limit
        self._frames: deque[tuple[int, int, Frame]] = deque()
        self._wake = asyncio.Event()

    def offer(self, sequence: int, version: int, made: Frame) -> None:
        """Queue the event of this sequence; `version` is a room event's, else 0. A full queue ends the client."""
        if self.ending is not None:
            return
        if len(self._frames) >= self._limit:
            self._frames.clear()
            self.end(Ending.LAGGING)
            return
        self._frames.append((sequence, version, made))
        self._wake.set()

    def tell(self, made: Frame) -> None:
        """Queue what is no event of the stream: for this client alone, without an id, wherever it is."""
        self.offer(sys.maxsize, 0, made)

    def end(self, why: Ending) -> None:
        """Take no more; the first reason stays."""
        if self.ending is None:
            self.ending = why
        if why is Ending.SUSPENDED:
            self._frames.clear()
        if why in (Ending.LAGGING, Ending.SUSPENDED, Ending.STOPPING):
            self.cut.set()
        self._wake.set()

    def restart(self) -> None:
        """Start over on another epoch of the stream."""
        self.ending = None
        self.after_version = self.after_sequence = 0
        self._frames.clear()
        self._wake.clear()

    async def take(self, within: float) -> list[Frame] | None:
        """What waits, as much as is sent at once; empty when nothing came `within` seconds, None at the end."""
        while True:
            if not self._frames and self.ending is None:
                self._wake.clear()
                try:
                    async with asyncio.timeout(within):
                        await self._wake.wait()
                except TimeoutError:
                    return []
            if not self._frames:
                return None
            if chunk := self._chunk():
                return chunk

    def _chunk(self) -> list[Frame]:
        chunk: list[Frame] = []
        size = 0
        while self._frames and size < _CHUNK:
            sequence, version, made = self._frames.popleft()
            # Known to the client already. Decided only here: while the snapshot was asked for, events were queued.
            if sequence <= self.after_sequence or 0 < version <= self.after_version:
                continue
            chunk.append(made)
            size += len(made)
        return chunk


class Feed(Protocol):
    """What a stream is about: a Space, a person's live bar, everything for operators."""

    async def attach(self, client: Client) -> Position:
        """Deliver to the client from the returned position on. Raises Refusal, Unavailable."""

    def detach(self, client: Client) -> None:
        """Deliver no more."""

    async def snapshot(self, client: Client) -> str:
        """What the client is shown first, as JSON. Raises Refusal, Unavailable."""

    def filters(self, viewer: Viewer) -> Sequence[str]:
        """Subjects of the history that may hold something for this viewer."""

    def shows(self, event: Event, viewer: Viewer) -> bool:
        """Whether the viewer is shown the event, as they stand now."""

    def ends(self, event: Event, viewer: Viewer) -> bool:
        """Whether the event is the viewer's last."""


class Stream:
    """A client's stream from its request on. Made by `Hub.open`, closed by `close`, whatever happens."""

    def __init__(self, hub: Hub, feed: Feed, client: Client, keep_alive: float) -> None:
        self._hub = hub
        self._feed = feed
        self.client = client
        self._keep_alive = keep_alive
        self._start = Position("", 0)
        self._last: Position | None = None
        self._reset = False
        self._snapshot = ""

    async def open(self, last_id: str | None) -> None:
        """Register with the hub, and ask whether the viewer may see it. Raises Refusal, Unavailable."""
        self._start = await self._feed.attach(self.client)
        # Asked also of one who resumes: it is how somebody who was removed meanwhile is refused.
        self._snapshot = await self._feed.snapshot(self.client)
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

    def close(self) -> None:
        """Leave the hub."""
        self._feed.detach(self.client)
        self._hub.closed(self.client)

    async def chunks(self) -> AsyncIterator[list[Frame]]:
        """What is sent, in order; nothing for a while is an empty one. Raises Refusal, Unavailable."""
        if self._last is not None:
            async for chunk in self._missed(self._last):
                yield chunk
                if self.client.ending is Ending.OVER:
                    return
        else:
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

    def _opening(self) -> list[Frame]:
        opening = Frame(self._start, "snapshot", self._snapshot)
        return [Frame(self._start, "reset", "{}"), opening] if self._reset else [opening]

    async def _start_over(self) -> None:
        self._feed.detach(self.client)
        self.client.restart()
        self._reset = True
        self._start = await self._feed.attach(self.client)
        self._snapshot = await self._feed.snapshot(self.client)

    async def _missed(self, last: Position) -> AsyncIterator[list[Frame]]:
        viewer = self.client.viewer
        batches = history.read(self._hub.bus, self._feed.filters(viewer), last.sequence, self._start.sequence)
        async for batch in batches:
            frames: list[Frame] = []
            for received in batch:
                if self._feed.shows(received.event, viewer):
                    frames.append(self._frame(received))
                    if self._feed.ends(received.event, viewer):
                        self.client.end(Ending.OVER)
                        break
            if frames:
                yield frames
            if self.client.ending is Ending.OVER:
                return

    def _frame(self, received: Received) -> Frame:
        event = told_to(received.event, self.client.viewer)
        return frame_of(Position(self._start.epoch, received.sequence), event)
