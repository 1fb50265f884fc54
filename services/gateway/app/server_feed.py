"""What servers of the host product follow: all Spaces, or one; everything that the Spaces' hosts are told, or some of
it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from contracts import subjects
from contracts.envelope import Event
from contracts.room.v1 import Canceled, Ended, SpaceDeleted, SpaceQuery, State
from contracts.servers import server_events, told_to_servers
from contracts.transcription.v1 import TranscriptQuery
from libs.bus import Bus
from libs.refusal import Refusal
from services.gateway.app.clients import Client
from services.gateway.app.feeds import NONE_OF_THEM, WORDS, Subscribers
from services.gateway.app.recent import SERVERS
from services.gateway.app.visibility import Viewer, concerns_space

_FEW: Final = 8
"""Types of event that are read each by itself out of the history; with more of them all is read, which is less work."""
_TRUSTED: Final = 1.0
"""Seconds for which it is believed how a Space is."""
_REMEMBERED: Final = 1000
"""Spaces of which that is known at once."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of all that is for servers one of them wants."""

    types: frozenset[str] | None = None
    """`<context>.<name>` of each; None for all."""
    space_id: str | None = None

    def takes(self, event: Event) -> bool:
        """Whether an event is among it."""
        if self.space_id is not None and concerns_space(event) != self.space_id:
            return False
        if self.types is not None and f"{event.context}.{event.name}" not in self.types:
            return False
        return told_to_servers(event)

    def subjects(self) -> list[str]:
        """Subjects of the history that have all of it, one event each."""
        key = self.space_id or "*"
        if self.types is None or len(self.types) > _FEW:
            return [subjects.EVENTS_SUBJECTS if self.space_id is None else subjects.events_of_key(key)]
        kinds = [kind for name, kind in server_events().items() if name in self.types]
        return [subjects.event(kind.context, key, kind.name) for kind in kinds]


@dataclass(frozen=True, slots=True)
class _Now:
    """What may be told of a Space's past, as of a moment."""

    known: float
    is_deleted: bool = False
    is_gone: bool = False
    """It was ephemeral and is over."""
    has_words: bool = True


class ServerFeed:
    """The events that one server wants."""

    may_lag: Final = True

    def __init__(self, bus: Bus, servers: Subscribers[Wanted], wanted: Wanted, ask_seconds: float) -> None:
        self._bus = bus
        self._servers = servers
        self._wanted = wanted
        self._ask_seconds = ask_seconds
        self._spaces: dict[str, _Now] = {}

    async def attach(self, client: Client) -> None:
        self._servers.add(self._wanted, client)

    def detach(self, client: Client) -> None:
        self._servers.discard(self._wanted, client)

    async def snapshot(self, client: Client) -> str:
        if self._wanted.space_id is not None:
            await self._bus.ask(_plain(self._wanted.space_id), timeout=self._ask_seconds)  # it must be there
        return "{}"

    def keys(self) -> Sequence[str]:
        return [self._wanted.space_id or SERVERS]

    def filters(self, viewer: Viewer) -> Sequence[str]:
        return self._wanted.subjects()

    def shows(self, event: Event, viewer: Viewer) -> bool:
        return self._wanted.takes(event)

    async def stands(self, event: Event) -> bool:
        """Whether an event of the history may still be told. Raises Unavailable where that cannot be found out: an
        event that is left out would be missing for ever."""
        space_id = concerns_space(event)
        if space_id is None:
            return True
        now = await self._now(space_id)
        if now.is_deleted:
            return isinstance(event, SpaceDeleted)
        if now.is_gone:
            return isinstance(event, Ended | Canceled)
        return now.has_words or not isinstance(event, WORDS)

    def ends(self, event: Event, viewer: Viewer) -> bool:
        return False

    async def _now(self, space_id: str) -> _Now:
        known = self._spaces.get(space_id)
        if known is None or time.monotonic() - known.known > _TRUSTED:
            self._spaces.pop(space_id, None)
            while len(self._spaces) >= _REMEMBERED:
                del self._spaces[next(iter(self._spaces))]
            known = self._spaces[space_id] = await self._found_out(space_id)
        return known

    async def _found_out(self, space_id: str) -> _Now:
        at = time.monotonic()
        try:
            space = (await self._bus.ask(_plain(space_id), timeout=self._ask_seconds)).result
        except Refusal as no:
            if no.reason in ("space_unknown", "space_deleted"):
                return _Now(at, is_deleted=True)
            raise
        if space.state in (State.SCHEDULED, State.LIVE):
            return _Now(at)
        if space.settings.ephemeral:
            return _Now(at, is_gone=True)
        if not space.settings.captions:
            return _Now(at)
        words = TranscriptQuery(space_id=space_id, after=NONE_OF_THEM)
        return _Now(at, has_words=(await self._bus.ask(words, timeout=self._ask_seconds)).result.state != "none")


def _plain(space_id: str) -> SpaceQuery:
    return SpaceQuery(space_id=space_id, follower=True, words=False)
