"""Discovery's queries."""

from __future__ import annotations

from contracts.discovery import v1
from libs.bus import Handlers
from libs.refusal import Refusal
from services.discovery.app import LiveBars
from services.discovery.projection import Spaces


def handlers(spaces: Spaces, bars: LiveBars) -> Handlers:
    """What discovery answers."""
    table = Handlers("discovery")

    @table.on(v1.LiveBarQuery)
    async def live_bar(query: v1.LiveBarQuery) -> v1.SpaceCards:
        if query.actor is None:
            raise Refusal("unauthenticated", "Sign in to see who of those you follow is live.")
        return v1.SpaceCards(spaces=bars.bar(query.actor, query.limit))

    @table.on(v1.BrowseQuery)
    async def browse(query: v1.BrowseQuery) -> v1.SpaceCards:
        return v1.SpaceCards(spaces=spaces.browse(query.state, query.actor, query.limit))

    return table
