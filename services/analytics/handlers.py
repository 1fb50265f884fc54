"""Analytics' queries."""

from __future__ import annotations

from contracts.analytics import v1
from libs.bus import Handlers
from libs.personal_data import Held
from services.analytics.app.engagement import Engagement


def handlers(engagement: Engagement, held: Held) -> Handlers:
    """What analytics answers."""
    table = Handlers("analytics")

    @table.on(v1.SpaceFiguresQuery)
    async def space_figures(query: v1.SpaceFiguresQuery) -> v1.SpaceFigures:
        return await engagement.figures(query.space_id)

    table.add(v1.HeldQuery, held.page)

    return table
