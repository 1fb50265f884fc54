"""Analytics' queries."""

from __future__ import annotations

from contracts.analytics import v1
from libs.bus import Handlers
from services.analytics.app import Engagement


def handlers(engagement: Engagement) -> Handlers:
    """What analytics answers."""
    table = Handlers("analytics")

    @table.on(v1.SpaceFiguresQuery)
    async def space_figures(query: v1.SpaceFiguresQuery) -> v1.SpaceFigures:
        return await engagement.figures(query.space_id)

    return table
