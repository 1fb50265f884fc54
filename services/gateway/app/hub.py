"""The hub of live events: one follower of the EVENTS stream, any number of clients.

It holds, for each Space that somebody watches, the Space as of the hub's own position in the stream, because whom an
event is shown to depends on who they are at that event.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter as Multiset
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import nats.errors
from nats.js.errors import Error as JetStreamError
from prometheus_client import Counter, Gauge

from contracts import subjects
from contracts.discovery.v1 import BarChanged, BarsChanged, LiveBarQuery
from contracts.envelope import Audience, Event
from contracts.media.v1 import Disconnected, SpaceQuality
from contracts.people.v1 import ReminderDue
from libs.bus import Bus, Received, Refusal, StreamReset, Unavailable
from services.gateway.app.feeds import OPERATORS, BarFeed, Crowd, OperatorFeed, Rooms, SpaceFeed
from services.gateway.app.frames import Frame, Position, frame_of
from services.gateway.app.stream import Client, Ending, Feed, Stream
from services.gateway.projection import Viewer

_log = logging.getLogger(__name__)

STREAMS: Final = Gauge("rostrum_gateway_streams", "Live event streams open now")
ENDED: Final = Counter("rostrum_gateway_streams_ended_total", "Live event streams that ended", ["why"])
_REMEMBERED: Final = 100_000.0
"""Packets after which half of the loss told lately is what came since."""


@dataclass(slots=True)
class Loss:
    """What receivers have said of the network since this gateway started."""

    packets: int = 0
    """Of connections that have ended."""
    lost: int = 0
    recent: float | None = None
    """Share lost lately, 0 to 1, over all connections; None while none has reported."""

    def hear(self, event: Event) -> None:
        """Take in what media says; anything else changes nothing."""
        if isinstance(event, Disconnected):
            self.packets += event.packets
            self.lost += event.lost
        elif isinstance(event, SpaceQuality) and event.packets:
            share = min(1.0, event.lost / event.packets)
            before = share if self.recent is None else self.recent
            weight = event.packets / (event.packets + _REMEMBERED)
            self.recent = (1 - weight) * before + weight * share


class Hub:
    """Follows the stream and delivers by audience. `start`, then `run` for ever; `stop` ends every client."""

    def __init__(
        self, bus: Bus, *, ask_seconds: float, streams: int, per_person: int, queued: int, keep_alive: float
    ) -> None:
        self.bus = bus
        self._ask_seconds = ask_seconds
        self._streams = streams
        self._per_person = per_person
        self._queued = queued
        self._keep_alive = keep_alive
        self._position = Position("", 0)
        self._clients: set[Client] = set()
        self._open_of: Multiset[str] = Multiset()
        self._stopping = False
        self.loss = Loss()
        self.barred: Callable[[str], bool] = lambda person_id: False
        """Whether a person may see nothing; asked when a stream is opened."""
        self.on_event: Callable[[Event], None] = lambda event: None
        """Told of every event, also of those that nobody watches."""
        self.rooms = Rooms(bus, lambda: self._position, ask_seconds)
        self._bars = Crowd(lambda: self._position)
        self._operators = Crowd(lambda: self._position)

    @property
    def position(self) -> Position:
        """Everything up to here has been delivered."""
        return self._position

    @property
    def clients(self) -> int:
        """How many streams are open."""
        return len(self._clients)

    async def start(self) -> None:
        """Take the stream's end as the position."""
        self._position = Position(await self.bus.stream_epoch(), await self.bus.last_sequence())

    async def run(self) -> None:
        """Deliver, for ever."""
        while True:
            try:
                here = self._position
                batches = self.bus.follow(filters=[subjects.EVENTS_SUBJECTS], after=here.sequence, epoch=here.epoch)
                async for batch in batches:
                    for received in batch:
                        self._deliver(received)
                return  # the connection is closed
            except StreamReset as reset:
                _log.warning("the event stream was rebuilt; clients start over", extra={"epoch": reset.epoch})
                await self._start_over()

    async def keep_bars(self, every: float) -> None:
        """Ask for the live bar of everybody who watches one, every so many seconds, for ever: discovery tells of
        changes only those who asked lately."""
        while True:
            await asyncio.sleep(every)
            for person_id in self._bars.waiting():
                try:
                    await self.bus.ask(LiveBarQuery(actor=person_id, limit=1), timeout=self._ask_seconds)
                except (Refusal, Unavailable) as error:
                    _log.warning("a live bar is not kept up to date now", extra={"why": str(error)})

    def stop(self) -> None:
        """End every stream; clients resume on the process that comes next."""
        self._stopping = True
        for client in tuple(self._clients):
            client.end(Ending.STOPPING)

    def suspended(self, person_id: str) -> None:
        """End every stream of somebody who may see nothing more."""
        for client in tuple(self._clients):
            if client.viewer.person_id == person_id:
                client.end(Ending.SUSPENDED)

    async def of_space(self, space_id: str, viewer: Viewer, last_id: str | None, session: str | None = None) -> Stream:
        """The live events of a Space. Refuses: space_unknown, removed, too_many_requests, unavailable."""
        return await self._open(SpaceFeed(self.rooms, space_id), viewer, last_id, session)

    async def of_bar(self, viewer: Viewer, person_id: str, last_id: str | None) -> Stream:
        """The changes of a person's live bar."""
        return await self._open(BarFeed(self._bars, self.bus, person_id, self._ask_seconds), viewer, last_id)

    async def of_operators(self, viewer: Viewer, last_id: str | None) -> Stream:
        """What is for operators; the caller has checked that the viewer is one."""
        return await self._open(OperatorFeed(self._operators), viewer, last_id)

    async def knows(self, position: Position) -> bool:
        """Whether this is a place in the stream as it is now. Raises Unavailable."""
        if position.epoch != self._position.epoch:
            return False
        if position.sequence <= self._position.sequence:
            return True
        try:
            return position.sequence <= await self.bus.last_sequence()
        except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            raise Unavailable(f"the event stream: {error}") from error

    def closed(self, client: Client) -> None:
        """A stream has ended."""
        if client not in self._clients:
            return
        self._clients.discard(client)
        STREAMS.set(len(self._clients))
        ENDED.labels(client.ending or "left").inc()
        person_id = client.viewer.person_id
        if person_id is not None:
            self._open_of[person_id] -= 1
            if self._open_of[person_id] <= 0:
                del self._open_of[person_id]

    async def _open(self, feed: Feed, viewer: Viewer, last_id: str | None, session: str | None = None) -> Stream:
        if self._stopping or len(self._clients) >= self._streams:
            raise Refusal("unavailable", "This gateway takes no more live streams now; try again.", retry=True)
        if viewer.person_id is not None:
            if self.barred(viewer.person_id):
                raise Refusal("suspended", "Your account is suspended. You can appeal.")
            if self._open_of[viewer.person_id] >= self._per_person:
                raise Refusal("too_many_requests", f"You have {self._per_person} live streams open already.")
            self._open_of[viewer.person_id] += 1
        client = Client(viewer, self._queued, session)
        self._clients.add(client)
        STREAMS.set(len(self._clients))
        stream = Stream(self, feed, client, self._keep_alive)
        try:
            await stream.open(last_id)
        except BaseException:
            stream.close()
            raise
        return stream

    def _deliver(self, received: Received) -> None:
        event, sequence = received.event, received.sequence
        position = Position(self._position.epoch, sequence)
        made: Frame | None = None

        def make() -> Frame:
            nonlocal made
            if made is None:
                made = frame_of(position, event)
            return made

        self.rooms.deliver(event, sequence, make)
        if isinstance(event, BarChanged | ReminderDue):
            self._bars.offer(event.person_id, sequence, make)
        elif isinstance(event, BarsChanged):
            for person_id in self._bars.among(event.person_ids):
                self._bars.offer(person_id, sequence, partial(frame_of, position, event.to(person_id)))
        if Audience.OPERATORS in event.audience:
            self._operators.offer(OPERATORS, sequence, make)
        self.loss.hear(event)
        self.on_event(event)
        # Last, so that whoever registers at this position has not been offered the event.
        self._position = position

    async def _start_over(self) -> None:
        while True:
            try:
                await self.start()
                break
            except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
                _log.warning("the event stream is away", extra={"why": str(error)})
                await asyncio.sleep(0.2)
        self.rooms.reset()
        for client in self._clients:
            client.end(Ending.RESET)
