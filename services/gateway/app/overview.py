"""What those who run the instance see at a glance."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel, Field

from contracts.discovery.v1 import BrowseQuery, SpaceCard
from contracts.media.v1 import SpaceConnections, SpaceQualityQuery
from contracts.room.v1 import State
from libs.bus import Bus, Refusal, Unavailable
from services.gateway.adapters.nodes import Nodes
from services.gateway.adapters.statuses import Status, Statuses
from services.gateway.app.hub import Hub

if TYPE_CHECKING:
    import httpx

_WITHIN: Final = 1.5


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
    """Listeners and people on stage of all live Spaces."""
    spaces: list[SpaceCard]
    nodes: list[NodeFigures] | None
    media: dict[str, float] = Field(default_factory=dict)
    """Sums over the media processes of their `rostrum_media_*` and `rostrum_forwarder_*` metrics."""
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


class Overview:
    """Gathers the figures; each source has a second and a half."""

    def __init__(self, bus: Bus, hub: Hub, nodes: Nodes, statuses: Statuses) -> None:
        self._bus = bus
        self._hub = hub
        self._nodes = nodes
        self._statuses = statuses

    async def figures(self) -> OverviewFigures:
        """The instance now; never raises for a part that is away."""
        statuses = self._statuses.all()
        spaces, nodes, metrics = await asyncio.gather(self._spaces(), self._known_nodes(), self._metrics(statuses))
        media = {name: value for name, value in metrics.items() if name.startswith(("rostrum_media_", "rostrum_forw"))}
        return OverviewFigures(
            services=statuses,
            spaces_live=None if spaces is None else len(spaces),
            people_connected=None if spaces is None else sum(card.listeners + len(card.speakers) for card in spaces),
            spaces=list(spaces or ()),
            nodes=nodes,
            media=media,
            packets=self._hub.loss.packets,
            lost=self._hub.loss.lost,
            lost_lately=self._hub.loss.recent,
            dead_letters=sum(n for name, n in metrics.items() if name.startswith("rostrum_dead_letters_total")),
            streams=self._hub.clients,
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

    async def _spaces(self) -> tuple[SpaceCard, ...] | None:
        with contextlib.suppress(Refusal, Unavailable):
            return (await self._bus.ask(BrowseQuery(state=State.LIVE, limit=100), timeout=_WITHIN)).result.spaces
        return None

    async def _known_nodes(self) -> list[NodeFigures] | None:
        with contextlib.suppress(Unavailable):
            return [NodeFigures.model_validate(node.model_dump()) for node in await self._nodes.all()]
        return None

    async def _metrics(self, statuses: list[Status]) -> dict[str, float]:
        """Sums over all processes, by name and values of labels."""
        # Imported here: it brings its own command line along, and would make every start of the gateway slower.
        import httpx

        async with httpx.AsyncClient(timeout=_WITHIN, trust_env=False) as client:
            pages = await asyncio.gather(*(self._page(client, status) for status in statuses if status.health_port))
        sums: dict[str, float] = {}
        for page in pages:
            for family in text_string_to_metric_families(page):
                if family.type not in ("counter", "gauge"):
                    continue
                for sample in family.samples:
                    if sample.name.endswith("_created"):
                        continue
                    name = " ".join((sample.name, *sample.labels.values()))
                    sums[name] = sums.get(name, 0.0) + sample.value
        return sums

    @staticmethod
    async def _page(client: httpx.AsyncClient, status: Status) -> str:
        import httpx

        with contextlib.suppress(httpx.HTTPError):
            # The health port is a loopback one; processes of other machines are asked by their own Prometheus.
            return (await client.get(f"http://127.0.0.1:{status.health_port}/metrics")).text
        return ""
