"""Discovery's queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from contracts.discovery import v1
from contracts.room.v1 import State
from libs.bus import Handlers
from libs.refusal import Refusal
from services.discovery.app import LiveBars
from services.discovery.projection.directory import SpaceDirectory
from services.discovery.projection.search import Search

_LARGEST: Final = 900_000
"""Bytes of Spaces in one answer; NATS carries 1 MiB."""
_LISTS: dict[State, Literal["live", "scheduled", "ended"]] = {
    State.LIVE: "live",
    State.SCHEDULED: "scheduled",
    State.ENDED: "ended",
    State.TIMED_OUT: "ended",
}


def handlers(directory: SpaceDirectory, search: Search, bars: LiveBars) -> Handlers:
    """What discovery answers."""
    table = Handlers("discovery", check=directory.must_be_complete)

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
        return v1.SpaceCards(spaces=directory.cards_for(query.actor, found.space_ids))

    @table.on(v1.SearchQuery)
    async def find(query: v1.SearchQuery) -> v1.SpacePage:
        found = await search.find(query)
        cards = directory.cards_for(query.actor, found.space_ids)
        return v1.SpacePage(
            spaces=cards, next_cursor=found.next_cursor, spoken=found.spoken, approximate=found.approximate
        )

    @table.on(v1.TranscriptSearchQuery)
    async def search_transcripts(query: v1.TranscriptSearchQuery) -> v1.SentencePage:
        found = await search.find_sentences(query)
        said_in = tuple(dict.fromkeys(sentence.space_id for sentence in found.sentences))
        return found.model_copy(update={"spaces": directory.cards_for(query.actor, said_in)})

    @table.on(v1.LookupQuery)
    async def lookup(query: v1.LookupQuery) -> v1.SpacesFound:
        return within_a_message(directory.lookup(query))

    return table


def within_a_message(spaces: Sequence[v1.SpaceDetails]) -> v1.SpacesFound:
    """As many of them as one message carries: each may have 20 pins and name 200 people."""
    size = 0
    for number, space in enumerate(spaces):
        size += len(space.model_dump_json().encode())
        if number and size > _LARGEST:
            return v1.SpacesFound(spaces=tuple(spaces[:number]), left_out=tuple(one.id for one in spaces[number:]))
    return v1.SpacesFound(spaces=tuple(spaces))
