"""What those who run the instance see at a glance."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel, Field

from contracts.discovery.v1 import SpaceCard
from contracts.envelope import Event
from contracts.media.v1 import Disconnected, SpaceConnections, SpaceQuality, SpaceQualityQuery
from contracts.room.v1 import LiveSpaces, LiveSpacesQuery, State
from libs.bus import Bus, Unavailable
from libs.refusal import Refusal
from services.gateway.adapters.nodes import Nodes
from services.gateway.adapters.statuses import Status, Statuses
from services.gateway.app.clients import Clients
from services.gateway.app.hub import Hub

_WITHIN: Final = 1.5
_FRESH: Final = 1.0
"""Seconds for which gathered figures are shown."""
_FIRST: Final = 100
"""Spaces of the overview itself."""
_REMEMBERED: Final = 100_000.0
"""Packets after which half of the loss told lately is what came since."""


@dataclass(slots=True)
class Loss:
    """What receivers have said of the network since this gateway started."""

    packets: int = 0
    """Of connections that have ended."""
    lost: int = 0
    recent: float | None = None
    """Share lost lately, 0 to 1, over all connections; None while none has reported."""

    def hear(self, event: Event) -> None:
        """Take in what media says; anything else changes nothing."""
        if isinstance(event, Disconnected):
            self.packets += event.packets
            self.lost += event.lost
        elif isinstance(event, SpaceQuality) and event.packets:
            share = min(1.0, event.lost / event.packets)
            before = share if self.recent is None else self.recent
            weight = event.packets / (event.packets + _REMEMBERED)
            self.recent = (1 - weight) * before + weight * share


class NodeFigures(BaseModel):
    """One media node: its sessions, and packets since it started."""

    node_id: str
    address: str
    sessions: int
    capacity: int
    draining: bool


class OverviewFigures(BaseModel):
    """The instance now. A figure that its service did not tell in time is None."""

    services: list[Status]
    spaces_live: int | None
    people_connected: int | None
    """Listeners and people on stage of all live Spaces, from live leases."""
    spaces: list[SpaceCard]
    """The first of them; `next` is where the next page of `/v1/ops/spaces` begins, None where these are all."""
    next: str | None = None
    nodes: list[NodeFigures] | None
    media: dict[str, float] = Field(default_factory=dict)
    """Sums over the media processes, wherever they run, of their `rostrum_media_*` and `rostrum_forwarder_*` metrics, a
    few seconds old."""
    packets: int
    """Of media connections that have ended since this gateway started; `lost` of them by their receivers' word."""
    lost: int
    lost_lately: float | None
    """Share of packets lost, 0 to 1, over all connections in the last reports."""
    dead_letters: float
    streams: int
    """Live event streams open at this gateway."""
    position: str
    """The gateway's place in the event stream."""


class LivePage(BaseModel):
    """Live Spaces, in order of their ids, whoever may join them."""

    spaces: list[SpaceCard]
    next: str | None = None
    """Where the next page begins; None on the last."""


class Overview:
    """Gathers the figures, once a second for all who look; each source has a second and a half."""

    def __init__(self, bus: Bus, hub: Hub, clients: Clients, loss: Loss, nodes: Nodes, statuses: Statuses) -> None:
        self._bus = bus
        self._hub = hub
        self._clients = clients
        self._loss = loss
        self._nodes = nodes
        self._statuses = statuses
        self._gathering: asyncio.Task[OverviewFigures] | None = None
        self._began = 0.0

    async def figures(self) -> OverviewFigures:
        """The instance, at most a second ago; never raises for a part that is away."""
        now = asyncio.get_running_loop().time()
        # What is still being gathered is waited for, however many ask and leave meanwhile.
        if self._gathering is None or (self._gathering.done() and now - self._began >= _FRESH):
            self._gathering, self._began = asyncio.create_task(self._gather()), now
        return await asyncio.shield(self._gathering)

    async def _gather(self) -> OverviewFigures:
        statuses = self._statuses.all()
        live, nodes = await asyncio.gather(self._live("", _FIRST), self._known_nodes())
        metrics = self._statuses.figures()
        page = None if live is None else _page(live, _FIRST)
        media = {name: value for name, value in metrics.items() if name.startswith(("rostrum_media_", "rostrum_forw"))}
        return OverviewFigures(
            services=statuses,
            spaces_live=None if live is None else sum(part.live for part in live),
            people_connected=None if live is None else sum(part.connected for part in live),
            spaces=[] if page is None else page.spaces,
            next=None if page is None else page.next,
            nodes=nodes,
            media=media,
            packets=self._loss.packets,
            lost=self._loss.lost,
            lost_lately=self._loss.recent,
            dead_letters=sum(n for name, n in metrics.items() if name.startswith("rostrum_dead_letters_total")),
            streams=len(self._clients),
            position=str(self._hub.position),
        )

    async def quality(self, space_id: str) -> list[SpaceConnections]:
        """How a Space's connections fare at each node that has some; a node that is away is left out.

        Raises Unavailable while no nodes are known.
        """
        found = await asyncio.gather(*(self._at(node.node_id, space_id) for node in await self._nodes.all()))
        return [one for one in found if one is not None and (one.summary.listeners or one.worst)]

    async def _at(self, node_id: str, space_id: str) -> SpaceConnections | None:
        with contextlib.suppress(Refusal, Unavailable):
            query = SpaceQualityQuery(space_id=space_id)
            return (await self._bus.ask(query, route=node_id, timeout=_WITHIN)).result
        return None

    async def live(self, after: str, limit: int) -> LivePage:
        """The live Spaces after this id. Raises Unavailable where a part of them is not told in time."""
        found = await self._live(after, limit)
        if found is None:
            raise Unavailable("not every partition told its Spaces")
        return _page(found, limit)

    async def _live(self, after: str, limit: int) -> list[LiveSpaces] | None:
        """What every partition says, each with its first Spaces after this id; None where one says nothing."""

        async def ask(partition: int) -> LiveSpaces:
            query = LiveSpacesQuery(partition=partition, after=after, limit=limit)
            return (await self._bus.ask(query, route=str(partition), timeout=_WITHIN)).result

        try:
            return list(await asyncio.gather(*(ask(partition) for partition in range(self._bus.settings.partitions))))
        except (Refusal, Unavailable):
            return None

    async def _known_nodes(self) -> list[NodeFigures] | None:
        with contextlib.suppress(Unavailable):
            return [NodeFigures.model_validate(node.model_dump()) for node in await self._nodes.all()]
        return None


def _page(parts: Sequence[LiveSpaces], limit: int) -> LivePage:
    """The first Spaces of all partitions."""
    found = sorted((space for part in parts for space in part.spaces), key=lambda space: space.id)
    cards = [
        SpaceCard(
            id=space.id,
            title=space.title,
            state=State.LIVE,
            host=space.host,
            speakers=space.stage,
            listeners=space.listeners,
            topics=space.topics,
            lang=space.lang,
            recorded=space.recorded,
            captions=space.captions,
            started_at=space.started_at,
        )
        for space in found[:limit]
    ]
    more = len(found) > limit or any(len(part.spaces) == limit for part in parts)
    return LivePage(spaces=cards, next=cards[-1].id if more and cards else None)
