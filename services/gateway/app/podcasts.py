"""What is in the podcast of a host: their recorded Spaces that everybody may join."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from contracts.discovery.v1 import SearchQuery, SpaceCard
from contracts.people.v1 import Person, PersonQuery
from contracts.recording.v1 import Replay, ReplaysQuery, ReplayState
from contracts.room.v1 import Kind, Space, State, WhoCanJoin
from libs.refusal import Refusal
from services.gateway.app import Gateway
from services.gateway.app.access import look_inside
from services.gateway.app.visibility import Viewer

MOST: Final = 50
"""Spaces in a feed, the newest."""
_PAGES: Final = 4
"""Pages of a host's Spaces that are looked through at most."""
_ENDED: Final = frozenset({State.ENDED, State.TIMED_OUT})

Status = Literal["pending", "live", "ended", "replay"]


class Episode:
    """A Space in the podcast, and what is kept of it."""

    def __init__(self, space: Space, status: Status, replay: Replay | None) -> None:
        self.space = space
        self.status: Status = status
        """`ended`: it is over, and its replay is not ready yet."""
        self.replay = replay


class Podcasts:
    """Asks whose Spaces are whose, which of them everybody may join, and what is kept of them, anew each time."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def of(self, person_id: str) -> tuple[Person, list[Episode]]:
        """A host, and what is in their podcast, newest first.

        Refuses: person_unknown, also where they are erased, suspended or protected. Raises Unavailable.
        """
        gateway = self._gateway
        if person_id in gateway.erased or person_id in gateway.suspended:
            raise Refusal("person_unknown", "There is no such person.")
        host = await gateway.ask(PersonQuery(person_id=person_id))
        if host.protected:
            raise Refusal("person_unknown", "There is no such person.")
        cards = await self._recorded(person_id)
        spaces = [one for one in await asyncio.gather(*map(self._open, cards)) if one is not None]
        mine = [space for space in spaces if space.host.id == person_id]
        asked = await gateway.ask(ReplaysQuery(space_ids=tuple(space.id for space in mine)))
        replays = {replay.space_id: replay for replay in asked.replays}
        return host, _episodes(mine, replays)

    async def _recorded(self, person_id: str) -> Sequence[SpaceCard]:
        """Somebody's recorded Spaces as a stranger finds them."""
        found: list[SpaceCard] = []
        query = SearchQuery(state="all", creator=person_id, spoken=False, limit=100)
        for _ in range(_PAGES):
            page = await self._gateway.ask(query)
            found += [card for card in page.spaces if card.recorded]
            if page.next_cursor is None or len(found) >= MOST:
                break
            query = query.model_copy(update={"cursor": page.next_cursor})
        return found[:MOST]

    async def _open(self, card: SpaceCard) -> Space | None:
        """The Space, where room says that everybody may look into it."""
        try:
            space = await look_inside(self._gateway.bus, card.id, Viewer(), self._gateway.ask_seconds)
        except Refusal as no:
            if no.reason == "unavailable":
                raise
            return None
        settings = space.settings
        everybody = settings.who_can_join is WhoCanJoin.EVERYONE and settings.kind is Kind.SPACE
        return space if everybody and settings.recorded else None


def _episodes(spaces: Sequence[Space], replays: Mapping[str, Replay]) -> list[Episode]:
    found: list[Episode] = []
    for space in spaces:
        replay = replays.get(space.id)
        if space.state is State.SCHEDULED:
            found.append(Episode(space, "pending", None))
        elif space.state is State.LIVE:
            found.append(Episode(space, "live", None))
        elif space.state in _ENDED and replay is not None:
            if replay.state is ReplayState.READY and replay.mix:
                found.append(Episode(space, "replay", replay))
            elif replay.state in (ReplayState.RECORDING, ReplayState.PROCESSING):
                found.append(Episode(space, "ended", None))
    return found
