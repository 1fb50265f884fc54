"""The state of each Space that has connections here: room's snapshot, then every event with a higher version."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from contracts.room import v1 as room
from contracts.room.follow import follow
from libs.bus import Unavailable
from libs.refusal import Refusal
from services.media.app.session import Session, number_of

_log = logging.getLogger(__name__)

FetchSpace = Callable[[str], Awaitable[room.Space]]
"""Asks room for the present state of a Space; raises Refusal, Unavailable."""


@dataclass(slots=True, eq=False)
class FollowedSpace:
    """One Space and its connections here."""

    id: str
    sessions: dict[int, Session] = field(default_factory=dict)
    state: room.Space | None = None
    early: list[room.SpaceEvent] = field(default_factory=list)
    """Events that came while a snapshot was being asked for."""
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    talking: tuple[Session, ...] = ()
    """Connections here that are heard."""
    talkers: tuple[str, ...] = ()
    """People who are heard, from wherever, loudest first."""
    told: tuple[str, ...] = ()
    """The people whom this node last published as heard."""


class FollowedSpaces:
    """Follows room's Spaces and calls `enforce` whenever one may have changed."""

    def __init__(self, snapshot: FetchSpace, enforce: Callable[[FollowedSpace, room.Space], None]) -> None:
        self._snapshot = snapshot
        self._enforce = enforce
        self._by_id: dict[str, FollowedSpace] = {}
        self._by_number: dict[int, FollowedSpace] = {}

    def __iter__(self) -> Iterator[FollowedSpace]:
        return iter(list(self._by_id.values()))

    def get(self, space_id: str) -> FollowedSpace | None:
        """The Space, if it is followed."""
        return self._by_id.get(space_id)

    def numbered(self, number: int) -> FollowedSpace | None:
        """The Space with this number at the forwarder, if it is followed."""
        return self._by_number.get(number)

    async def at(self, space_id: str, version: int) -> tuple[FollowedSpace, room.Space]:
        """Return the Space at this version or a later one. Call `drop_idle` afterwards. Raises Refusal, Unavailable."""
        followed = self._by_id.get(space_id) or FollowedSpace(space_id)
        self._keep(followed)
        async with followed.asking:
            if self._by_id.get(space_id) is not followed:
                # Dropped while we waited: events have been missed.
                followed.state = None
                self._keep(followed)
            if followed.state is None or followed.state.version < version:
                return followed, await self._ask(followed)
            return followed, followed.state

    def drop_idle(self, space_id: str) -> None:
        """Stop following a Space without connections, unless its state is being asked for right now."""
        followed = self._by_id.get(space_id)
        if followed is not None and not followed.sessions and not followed.asking.locked():
            del self._by_id[space_id]
            del self._by_number[number_of(space_id)]

    def saw(self, event: room.SpaceEvent) -> None:
        """Take an event, in the stream's order."""
        followed = self._by_id.get(event.space_id)
        if followed is None:
            return
        if followed.asking.locked():
            followed.early.append(event)
        if followed.state is not None:
            followed.state = follow(followed.state, event)
            self._enforce(followed, followed.state)

    async def refresh(self) -> None:
        """Ask for all Spaces again, after events may have been missed. Raises Unavailable and a Refusal to retry.

        A Space that room does not tell of stays as it was, and the others are asked for all the same.
        """
        failed: Refusal | Unavailable | None = None
        for followed in self:
            async with followed.asking:
                try:
                    await self._ask(followed)
                except Unavailable as error:
                    failed = error
                except Refusal as error:
                    if error.retry:
                        failed = error
                    else:
                        _log.error("room does not tell of %s: %s", followed.id, error)
        if failed is not None:
            raise failed

    def _keep(self, followed: FollowedSpace) -> None:
        self._by_id[followed.id] = followed
        self._by_number[number_of(followed.id)] = followed

    async def _ask(self, followed: FollowedSpace) -> room.Space:
        followed.early.clear()
        state = await self._snapshot(followed.id)
        for event in followed.early:
            state = follow(state, event)
        followed.early.clear()
        followed.state = state
        self._enforce(followed, state)
        return state
