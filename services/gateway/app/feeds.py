"""What a client can follow: one Space, its own live bar, and for operators what is for them alone."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from contracts import catalogue, subjects
from contracts.discovery.v1 import BarChanged, BarsChanged, LiveBarQuery
from contracts.envelope import Audience, Event
from contracts.people.v1 import ReminderDue
from contracts.presence.v1 import Counted
from contracts.room.v1 import Presence, PresenceQuery, SpaceEvent, SpaceQuery
from libs.bus import Bus, Refusal
from services.gateway.app.access import look_inside
from services.gateway.app.frames import Frame, Position
from services.gateway.app.stream import Client, Ending
from services.gateway.app.views import view
from services.gateway.projection import Standing, Viewer, Watched, concerns_space, ends_for, may_see

_log = logging.getLogger(__name__)
_KEPT_IDLE: Final = 30.0

SPACE_CONTEXTS: Final = tuple(
    sorted({c for (c, _), kind in catalogue.event_types().items() if "space_id" in kind.model_fields} - {"discovery"})
)
"""Contexts with events that concern a Space."""
_PERSON_KEYED: Final = ("tipping",)
"""Those of them whose subjects carry a person's id; which Space they concern is in their body."""


class Room:
    """A Space that somebody watches, and who does."""

    def __init__(self, space_id: str) -> None:
        self.space_id = space_id
        self.watched: Watched | None = None
        self.clients: set[Client] = set()
        self.missed: list[Event] = []
        """Events that came while the Space was asked for."""
        self.loading: asyncio.Task[None] | None = None


class Rooms:
    """The Spaces somebody watches, each loaded once and kept up to date from the stream."""

    def __init__(self, bus: Bus, position: Callable[[], Position], ask_seconds: float) -> None:
        self.bus = bus
        self.position = position
        self.ask_seconds = ask_seconds
        self._rooms: dict[str, Room] = {}

    async def attach(self, space_id: str, client: Client) -> tuple[Room, Position]:
        """Deliver the Space's events to the client from the returned position on. Raises Refusal, Unavailable."""
        while True:
            room = self._rooms.get(space_id)
            if room is None:
                room = self._rooms[space_id] = Room(space_id)
                room.loading = asyncio.create_task(self._load(room))
                room.loading.add_done_callback(_seen)
            if room.loading is not None:
                await asyncio.shield(room.loading)
            if self._rooms.get(space_id) is room and room.watched is not None:  # else the stream was rebuilt meanwhile
                break
        if room.watched.standing(client.viewer) is Standing.REMOVED:
            raise Refusal("removed", "You were removed from this Space.")
        room.clients.add(client)
        return room, self.position()

    def detach(self, room: Room, client: Client) -> None:
        """Deliver no more. A Space nobody watches is forgotten after a while."""
        room.clients.discard(client)
        if not room.clients:
            asyncio.get_running_loop().call_later(_KEPT_IDLE, self._forget, room)

    def clients(self, space_id: str) -> tuple[Client, ...]:
        """Those that watch a Space."""
        room = self._rooms.get(space_id)
        return () if room is None else tuple(room.clients)

    def listeners(self, space_id: str) -> int | None:
        """How many listen, where that Space is watched."""
        room = self._rooms.get(space_id)
        return None if room is None or room.watched is None else room.watched.listeners

    def deliver(self, event: Event, sequence: int, made: Callable[[], Frame]) -> None:
        """Take in an event of a Space and offer it to whom it may be shown."""
        space_id = concerns_space(event)
        room = None if space_id is None else self._rooms.get(space_id)
        if room is None:
            return
        if room.watched is None:
            if isinstance(event, SpaceEvent | Counted):
                room.missed.append(event)
            return
        room.watched.apply(event)
        version = event.version if isinstance(event, SpaceEvent) else 0
        everybody = Audience.PUBLIC in event.audience and not room.watched.space.removed
        over: list[Client] = []
        for client in room.clients:
            if everybody or may_see(event, client.viewer, room.watched.standing(client.viewer)):
                client.offer(sequence, version, made())
                if ends_for(event, client.viewer):
                    over.append(client)
        for client in over:
            room.clients.discard(client)
            client.end(Ending.OVER)

    def reset(self) -> None:
        """Forget everything; those who attach next load it anew."""
        self._rooms.clear()

    async def _load(self, room: Room) -> None:
        try:
            async with asyncio.TaskGroup() as both:
                asked = SpaceQuery(space_id=room.space_id, follower=True)
                space = both.create_task(self.bus.ask(asked, timeout=self.ask_seconds))
                presence = both.create_task(self._presence(room.space_id))
        except ExceptionGroup as problems:
            self._rooms.pop(room.space_id, None)
            raise problems.exceptions[0] from None
        watched = Watched(space.result().result, presence.result().listeners)
        for event in room.missed:
            watched.apply(event)
        room.missed.clear()
        room.watched, room.loading = watched, None

    async def _presence(self, space_id: str) -> Presence:
        return (await self.bus.ask(PresenceQuery(space_id=space_id), timeout=self.ask_seconds)).result

    def _forget(self, room: Room) -> None:
        if not room.clients and self._rooms.get(room.space_id) is room:
            del self._rooms[room.space_id]


def _seen(task: asyncio.Task[None]) -> None:
    """Whoever waits for the task is told of its error; where all have left, nobody needs to be."""
    if not task.cancelled():
        task.exception()


class SpaceFeed:
    """The events of one Space."""

    def __init__(self, rooms: Rooms, space_id: str) -> None:
        self._rooms = rooms
        self._space_id = space_id
        self._room = Room(space_id)

    async def attach(self, client: Client) -> Position:
        self._room, position = await self._rooms.attach(self._space_id, client)
        return position

    def detach(self, client: Client) -> None:
        self._rooms.detach(self._room, client)

    async def snapshot(self, client: Client) -> str:
        space = await look_inside(self._rooms.bus, self._space_id, client.viewer, self._rooms.ask_seconds)
        client.after_version = space.version
        listeners = self._room.watched.listeners if self._room.watched else 0
        return view(space, listeners).model_dump_json()

    def filters(self, viewer: Viewer) -> Sequence[str]:
        keyed = [
            subjects.event(context, self._space_id, "*") for context in SPACE_CONTEXTS if context not in _PERSON_KEYED
        ]
        # One may be the payer of a tip that is keyed by its recipient, so all must be looked through.
        return keyed if viewer.person_id is None else [*keyed, *(subjects.events_of(c) for c in _PERSON_KEYED)]

    def shows(self, event: Event, viewer: Viewer) -> bool:
        watched = self._room.watched
        if watched is None or concerns_space(event) != self._space_id:
            return False
        return may_see(event, viewer, watched.standing(viewer))

    def ends(self, event: Event, viewer: Viewer) -> bool:
        return ends_for(event, viewer)


class Crowd:
    """Clients by key, for feeds that need to know nothing of a Space."""

    def __init__(self, position: Callable[[], Position]) -> None:
        self.position = position
        self._clients: defaultdict[str, set[Client]] = defaultdict(set)

    def add(self, key: str, client: Client) -> Position:
        """Offer to the client what is for `key`, from the returned position on."""
        self._clients[key].add(client)
        return self.position()

    def discard(self, key: str, client: Client) -> None:
        """Offer no more."""
        self._clients[key].discard(client)
        if not self._clients[key]:
            del self._clients[key]

    def among(self, keys: Iterable[str]) -> list[str]:
        """Which of the keys have clients."""
        return [key for key in keys if key in self._clients]

    def waiting(self) -> list[str]:
        """The keys that have clients."""
        return list(self._clients)

    def offer(self, key: str, sequence: int, made: Callable[[], Frame]) -> None:
        """Offer an event to all of `key`."""
        for client in self._clients.get(key, ()):
            client.offer(sequence, 0, made())


class BarFeed:
    """Changes of one person's live bar, and what they are reminded of."""

    def __init__(self, crowd: Crowd, bus: Bus, person_id: str, ask_seconds: float) -> None:
        self._crowd = crowd
        self._bus = bus
        self._person_id = person_id
        self._ask_seconds = ask_seconds

    async def attach(self, client: Client) -> Position:
        return self._crowd.add(self._person_id, client)

    def detach(self, client: Client) -> None:
        self._crowd.discard(self._person_id, client)

    async def snapshot(self, client: Client) -> str:
        query = LiveBarQuery(actor=self._person_id)
        return (await self._bus.ask(query, timeout=self._ask_seconds)).result.model_dump_json()

    def filters(self, viewer: Viewer) -> Sequence[str]:
        return [
            subjects.event(BarChanged.context, self._person_id, BarChanged.name),
            subjects.event(BarsChanged.context, "*", BarsChanged.name),
            subjects.event(ReminderDue.context, self._person_id, ReminderDue.name),
        ]

    def shows(self, event: Event, viewer: Viewer) -> bool:
        return isinstance(event, BarChanged | BarsChanged | ReminderDue) and self._person_id in event.people()

    def ends(self, event: Event, viewer: Viewer) -> bool:
        return False


OPERATORS: Final = "operators"


class OperatorFeed:
    """Every event whose audience has those who run the instance."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd

    async def attach(self, client: Client) -> Position:
        return self._crowd.add(OPERATORS, client)

    def detach(self, client: Client) -> None:
        self._crowd.discard(OPERATORS, client)

    async def snapshot(self, client: Client) -> str:
        return "{}"

    def filters(self, viewer: Viewer) -> Sequence[str]:
        return [subjects.EVENTS_SUBJECTS]

    def shows(self, event: Event, viewer: Viewer) -> bool:
        return Audience.OPERATORS in event.audience

    def ends(self, event: Event, viewer: Viewer) -> bool:
        return False
