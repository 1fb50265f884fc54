"""The Spaces somebody watches, each loaded once and kept up to date from the event stream.

Whom an event is shown to depends on who they are at that event, so each Space is known as of the hub's position.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from pydantic import Field

from contracts.commands import Query, R
from contracts.envelope import Audience, Event
from contracts.listening import names_a_listener
from contracts.people.v1 import ProfileChanged
from contracts.presence.v1 import Counted
from contracts.room.follow import snapshot
from contracts.room.v1 import PresenceQuery, Space, SpaceEvent
from libs.bus import Bus
from libs.refusal import Refusal
from services.gateway.app.clients import Client, Ending
from services.gateway.app.frames import Frame
from services.gateway.app.visibility import SpaceNow, ViewerRole, concerns_space, ends_for, may_see

_KEPT_IDLE: Final = 30.0


class SpaceView(Space):
    """A Space as the asker may see it, and how many listen now."""

    listeners: int = Field(default=0, ge=0)
    captions_in: tuple[str, ...] | None = None
    """What languages there are captions in (primary subtags): told to whoever chooses one for a Space with captions,
    where it is known. Whoever speaks another one has no captions."""


def view(space: Space, listeners: int, captions_in: tuple[str, ...] | None = None) -> SpaceView:
    """The Space with its listeners."""
    fields = {name: getattr(space, name) for name in Space.model_fields}
    return SpaceView.model_construct(**fields, listeners=listeners, captions_in=captions_in)


class WatchedSpace:
    """A Space that somebody watches, and who does."""

    def __init__(self, space_id: str) -> None:
        self.space_id = space_id
        self.now: SpaceNow | None = None
        self.clients: set[Client] = set()
        self.missed: list[Event] = []
        """Events that came while the Space was asked for."""
        self.loading: asyncio.Task[None] | None = None


class WatchedSpaces:
    """All of them, by id."""

    def __init__(self, bus: Bus, ask_seconds: float) -> None:
        self._bus = bus
        self._ask_seconds = ask_seconds
        self._spaces: dict[str, WatchedSpace] = {}

    async def attach(self, space_id: str, client: Client) -> WatchedSpace:
        """Deliver the Space's events to the client from now on. Raises Refusal, Unavailable."""
        while True:
            watched = self._spaces.get(space_id)
            if watched is None:
                watched = self._spaces[space_id] = WatchedSpace(space_id)
                watched.loading = asyncio.create_task(self._load(watched))
                watched.loading.add_done_callback(_seen)
            if watched.loading is not None:
                await asyncio.shield(watched.loading)
            if self._spaces.get(space_id) is watched and watched.now is not None:
                break  # else the stream was rebuilt meanwhile
        if watched.now.role_of(client.viewer) is ViewerRole.REMOVED:
            raise Refusal("removed", "You were removed from this Space.")
        watched.clients.add(client)
        return watched

    def detach(self, watched: WatchedSpace, client: Client) -> None:
        """Deliver no more. A Space nobody watches is forgotten after a while."""
        watched.clients.discard(client)
        if not watched.clients:
            asyncio.get_running_loop().call_later(_KEPT_IDLE, self._forget, watched)

    def clients(self, space_id: str) -> tuple[Client, ...]:
        """Those that watch a Space."""
        watched = self._spaces.get(space_id)
        return () if watched is None else tuple(watched.clients)

    def listeners(self, space_id: str) -> int | None:
        """How many listen, where that Space is watched."""
        watched = self._spaces.get(space_id)
        return None if watched is None or watched.now is None else watched.now.listeners

    def view(self, space: Space, captions_in: tuple[str, ...] | None = None) -> SpaceView:
        """A Space with how many listen, as far as it is watched here."""
        return view(space, self.listeners(space.id) or 0, captions_in)

    def deliver(self, event: Event, sequence: int, made: Callable[[], Frame]) -> None:
        """Take in an event of a Space and offer it to whom it may be shown."""
        if isinstance(event, ProfileChanged):
            self._tell_name(event, sequence, made)
            return
        space_id = concerns_space(event)
        watched = None if space_id is None else self._spaces.get(space_id)
        if watched is None:
            return
        now = watched.now
        if now is None:
            if isinstance(event, SpaceEvent | Counted):
                watched.missed.append(event)
            return
        now.apply(event)
        version = event.version if isinstance(event, SpaceEvent) else 0
        everybody = Audience.PUBLIC in event.audience and not now.removed and not names_a_listener(event)
        over: list[Client] = []
        for client in watched.clients:
            if everybody or may_see(event, client.viewer, now.role_of(client.viewer)):
                client.offer(sequence, version, made())
                if ends_for(event, client.viewer):
                    over.append(client)
        for client in over:
            watched.clients.discard(client)
            client.end(Ending.OVER)

    def _tell_name(self, event: ProfileChanged, sequence: int, made: Callable[[], Frame]) -> None:
        """Offer somebody's new name to those who are shown the old one."""
        for watched in self._spaces.values():
            if watched.now is not None:  # else it is being asked for, with today's names
                for client in watched.clients:
                    if event.person_id in watched.now.named_to(client.viewer):
                        client.offer(sequence, 0, made())

    def with_words_of(self, kind: str, id: str) -> list[str]:
        """The Spaces that show what belongs to a subject: a Space, or what somebody wrote or is called."""
        if kind == "space":
            return [id] if id in self._spaces else []
        if kind == "person":
            return [one.space_id for one in self._spaces.values() if one.now is None or id in one.now.named()]
        return []

    def renew(self, space_id: str) -> tuple[Client, ...]:
        """Forget a Space; those who attach next load it anew. Whom it was delivered to."""
        return tuple(self._spaces.pop(space_id).clients)

    def reset(self) -> None:
        """Forget everything; those who attach next load it anew."""
        self._spaces.clear()

    async def _load(self, watched: WatchedSpace) -> None:
        try:
            async with asyncio.TaskGroup() as both:
                space = both.create_task(snapshot(watched.space_id, self._ask))
                presence = both.create_task(self._ask(PresenceQuery(space_id=watched.space_id)))
        except ExceptionGroup as problems:
            if self._spaces.get(watched.space_id) is watched:  # else the stream was rebuilt meanwhile
                del self._spaces[watched.space_id]
            raise problems.exceptions[0] from None
        now = SpaceNow(space.result(), presence.result().listeners)
        for event in watched.missed:
            now.apply(event)
        watched.missed.clear()
        watched.now, watched.loading = now, None

    async def _ask(self, query: Query[R]) -> R:
        return (await self._bus.ask(query, timeout=self._ask_seconds)).result

    def _forget(self, watched: WatchedSpace) -> None:
        if not watched.clients and self._spaces.get(watched.space_id) is watched:
            del self._spaces[watched.space_id]


def _seen(task: asyncio.Task[None]) -> None:
    """Whoever waits for the task is told of its error; where all have left, nobody needs to be."""
    if not task.cancelled():
        task.exception()
