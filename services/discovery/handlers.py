"""Discovery's queries."""

from __future__ import annotations

from typing import Literal

from contracts.discovery import v1
from contracts.room.v1 import State
from libs.bus import Handlers
from libs.refusal import Refusal
from services.discovery.app import LiveBars
from services.discovery.projection import Search, Spaces

_LISTS: dict[State, Literal["live", "scheduled", "ended"]] = {
    State.LIVE: "live",
    State.SCHEDULED: "scheduled",
    State.ENDED: "ended",
    State.TIMED_OUT: "ended",
}


def handlers(spaces: Spaces, search: Search, bars: LiveBars) -> Handlers:
    """What discovery answers."""
    table = Handlers("discovery")

    @table.on(v1.LiveBarQuery)
    async def live_bar(query: v1.LiveBarQuery) -> v1.SpaceCards:
        if query.actor is None:
            raise Refusal("unauthenticated", "Sign in to see who of those you follow is live.")
        return v1.SpaceCards(spaces=bars.bar(query.actor, query.limit))

    @table.on(v1.BrowseQuery)
    async def browse(query: v1.BrowseQuery) -> v1.SpaceCards:
        if query.state not in _LISTS:
            return v1.SpaceCards(spaces=())
        found = await search.find(v1.SearchQuery(state=_LISTS[query.state], actor=query.actor, limit=query.limit))
        return v1.SpaceCards(spaces=spaces.cards_for(query.actor, found.space_ids))

    @table.on(v1.SearchQuery)
    async def find(query: v1.SearchQuery) -> v1.SpacePage:
        found = await search.find(query)
        cards = spaces.cards_for(query.actor, found.space_ids)
        return v1.SpacePage(
            spaces=cards, next_cursor=found.next_cursor, spoken=found.spoken, approximate=found.approximate
        )

    @table.on(v1.LookupQuery)
    async def lookup(query: v1.LookupQuery) -> v1.SpacesFound:
        return v1.SpacesFound(spaces=spaces.lookup(query))

    return table
