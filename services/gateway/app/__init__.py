"""What the routes use: one object with everything a running gateway has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from contracts.commands import R, Request
from libs.bus import Bus
from libs.identity import DevelopmentIdentity
from services.gateway.adapters.nodes import Nodes
from services.gateway.adapters.presence import Renewals
from services.gateway.adapters.recordings import Recordings
from services.gateway.adapters.suspensions import Suspensions
from services.gateway.app.connections import Connections
from services.gateway.app.hub import Hub
from services.gateway.app.media import Media
from services.gateway.app.overview import Overview
from services.gateway.app.pace import Pace


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, made in `main`."""

    bus: Bus
    identity: DevelopmentIdentity
    hub: Hub
    renewals: Renewals
    nodes: Nodes
    connections: Connections
    media: Media
    recordings: Recordings
    suspensions: Suspensions
    overview: Overview
    pace: Pace
    missing: Callable[[], dict[str, str]]
    """What keeps this process from being ready, by name."""
    ask_seconds: float

    async def ask(self, request: Request[R]) -> R:
        """The result of a command or query, waited for as long as this gateway waits. Raises Refusal, Unavailable."""
        return (await self.bus.ask(request, timeout=self.ask_seconds)).result
