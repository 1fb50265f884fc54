"""What the routes use: one object with everything a running gateway has."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import datetime

from contracts.commands import R, Request
from contracts.room.v1 import SpaceCommand
from libs.bus import Bus
from libs.identity import DevelopmentIdentity
from services.gateway.adapters.lease_renewals import Renewals
from services.gateway.adapters.replay_store import ReplayStore
from services.gateway.app.connections import Connections
from services.gateway.app.links import Links
from services.gateway.app.media import Media
from services.gateway.app.new_spaces import NewSpaces
from services.gateway.app.overview import Overview
from services.gateway.app.pace import Paces
from services.gateway.app.sessions import SessionIds
from services.gateway.app.stream import Streams
from services.gateway.app.watched import SpaceView, WatchedSpaces
from services.gateway.app.window import Windows


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, made in `main`."""

    bus: Bus
    identity: DevelopmentIdentity
    spaces: WatchedSpaces
    streams: Streams
    sessions: SessionIds
    renewals: Renewals
    connections: Connections
    media: Media
    replays: ReplayStore
    links: Links
    suspended: Container[str]
    """Ids of everybody who is suspended now."""
    revoked: Container[str]
    """Ids of the tokens that were revoked one by one."""
    revoked_until: Mapping[str, datetime]
    """Person by person, until when every token that was issued is revoked."""
    overview: Overview
    paces: Paces
    lookups: Windows
    """What each person has looked up with X API v2."""
    new_spaces: NewSpaces
    """What was created here, which lists of Spaces wait for."""
    missing: Callable[[], dict[str, str]]
    """What keeps this process from being ready, by name."""
    ask_seconds: float

    async def ask(self, request: Request[R]) -> R:
        """The result of a command or query, waited for as long as this gateway waits. Raises Refusal, Unavailable."""
        return (await self.bus.ask(request, timeout=self.ask_seconds)).result

    async def change(self, command: SpaceCommand) -> SpaceView:
        """Send a command about a Space; the Space after it, as its actor may see it. Raises Refusal, Unavailable."""
        return self.spaces.view(await self.ask(command))
