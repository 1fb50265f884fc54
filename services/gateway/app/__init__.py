"""What the routes use: one object with everything a running gateway has."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from datetime import datetime

from contracts.commands import R, Request
from contracts.room.v1 import SpaceCommand
from libs.bus import Bus
from services.gateway.adapters.faces import Faces
from services.gateway.adapters.lease_renewals import LeaseRenewals
from services.gateway.adapters.pictures import PictureMaker
from services.gateway.adapters.replay_store import ReplayStore
from services.gateway.app.caption_languages import CaptionLanguages
from services.gateway.app.connections import Connections
from services.gateway.app.export import Exports
from services.gateway.app.identity import Identity
from services.gateway.app.links import Links
from services.gateway.app.live_audio import LiveAudio
from services.gateway.app.media import Media
from services.gateway.app.new_spaces import NewSpaces
from services.gateway.app.overview import Overview
from services.gateway.app.request_limits import RequestLimits
from services.gateway.app.sessions import SessionIds
from services.gateway.app.stream import Streams
from services.gateway.app.watched import SpaceView, WatchedSpaces


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway, made in `main`."""

    bus: Bus
    identity: Identity
    issuer: str
    """Whose subjects the host product's servers name people by."""
    spaces: WatchedSpaces
    streams: Streams
    sessions: SessionIds
    renewals: LeaseRenewals
    connections: Connections
    media: Media
    replays: ReplayStore
    links: Links
    exports: Exports
    live_audio: LiveAudio
    """Of Spaces that run, for players of HLS."""
    faces: Faces
    pictures: PictureMaker
    suspended: Container[str]
    """Ids of everybody who is suspended now."""
    erased: Container[str]
    """Ids of everybody who was erased."""
    revoked: Container[str]
    """Ids of the tokens that were revoked one by one."""
    revoked_until: Mapping[str, datetime]
    """Person by person, until when every token that was issued is revoked."""
    overview: Overview
    limits: RequestLimits
    caption_languages: CaptionLanguages
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

    async def choose(self, command: SpaceCommand) -> SpaceView:
        """As `change`, where somebody chooses a language: of a Space with captions it also says which have some."""
        space = await self.ask(command)
        return self.spaces.view(space, await self.caption_languages.known() if space.settings.captions else None)
