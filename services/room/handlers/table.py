"""Everything room answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from contracts.room import v1
from libs.bus import Handlers
from services.room.app import Spaces
from services.room.handlers.audience import Audience
from services.room.handlers.commands import commands
from services.room.handlers.queries import queries
from services.room.handlers.sessions import sessions


def handlers(spaces: Spaces, audience: Audience, now: Callable[[], datetime]) -> Handlers:
    """What the owner of a Space's partition answers. `now` tells the time (UTC)."""
    table = Handlers("room")
    commands(table, spaces, audience, now)
    sessions(table, spaces, audience)
    queries(table, spaces, audience)
    return table


def anywhere(topics: Sequence[str]) -> Handlers:
    """What any process of room answers."""
    table = Handlers("room")

    @table.on(v1.TopicsQuery)
    async def topics_there_are(_: v1.TopicsQuery) -> v1.Topics:
        return v1.Topics(topics=tuple(topics))

    return table
