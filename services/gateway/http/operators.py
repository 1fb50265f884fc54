"""For those who run the instance: the overview, its page, and the quality of connections."""

from __future__ import annotations

from html import escape
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from contracts.envelope import SpaceId
from contracts.media.v1 import SpaceConnections
from services.gateway.app.overview import LivePage, OverviewFigures
from services.gateway.http.caller import GatewayDep, operator
from services.gateway.http.passing_over import standing, with_token
from services.gateway.http.problems import responses

router = APIRouter(tags=["operators"])

AfterSpace = Annotated[str, Query(pattern=r"^[0-9a-z]{0,26}$", description="`next` of the page before")]
PageSize = Annotated[int, Query(ge=1, le=200)]


@router.get(
    "/v1/ops/overview", operation_id="getOverview", dependencies=[Depends(operator)],
    responses=responses("unauthenticated", "not_allowed", "invalid"),
)  # fmt: skip
async def overview(gateway: GatewayDep) -> OverviewFigures:
    """The instance now: services, live Spaces, people, media."""
    return await gateway.overview.figures()


@router.get(
    "/v1/ops/spaces", operation_id="getLiveSpaces", dependencies=[Depends(operator)],
    responses=responses("unauthenticated", "not_allowed", "invalid"),
)  # fmt: skip
async def live_spaces(gateway: GatewayDep, after: AfterSpace = "", limit: PageSize = 100) -> LivePage:
    """Everything that is live, invitation-only Spaces too, a page at a time."""
    return await gateway.overview.live(after, limit)


@router.get(
    "/v1/ops/spaces/{space_id}/quality", operation_id="getSpaceQuality", dependencies=[Depends(operator)],
    responses=responses("unauthenticated", "not_allowed", "invalid"),
)  # fmt: skip
async def space_quality(space_id: SpaceId, gateway: GatewayDep) -> list[SpaceConnections]:
    """How a Space's connections fare now, at each media node that has listeners of it; the worst of them singly."""
    return await gateway.overview.quality(space_id)


@router.get("/ops", include_in_schema=False, dependencies=[Depends(operator)])
async def page(request: Request, gateway: GatewayDep, after: AfterSpace = "") -> HTMLResponse:
    """The operator's page: the overview as it was when it was asked for; it asks again every few seconds."""
    figures = await gateway.overview.figures()
    if after:
        more = await gateway.overview.live(after, 100)
        figures = figures.model_copy(update={"spaces": more.spaces, "next": more.next})
    following = with_token("/ops", request, after=figures.next) if figures.next else None
    return HTMLResponse(render(figures, standing(figures.services, request), following))


def render(figures: OverviewFigures, standing: str = "", following: str | None = None) -> str:
    """The operator's page; with what stands before an event it does not ask again by itself, for there is a form.
    `following` is the address of the next page of Spaces."""
    services = "".join(
        f"<tr><td>{escape(status.service)}</td><td>{escape(status.instance)}</td>"
        f'<td class="{"good" if status.ready else "bad"}">'
        f"{'ready' if status.ready else escape('; '.join(f'{k}: {v}' for k, v in status.missing.items()) or 'waiting')}"
        f"</td><td class=n>{status.pid}</td></tr>"
        for status in figures.services
    )
    spaces = "".join(
        f'<tr><td><a href="/spaces/{card.id}">{escape(card.title)}</a></td><td>{escape(card.host.name)}</td>'
        f"<td class=n>{len(card.speakers)}</td><td class=n>{card.listeners}</td></tr>"
        for card in figures.spaces
    )
    if following is not None:
        spaces += f'<tr><td colspan=4><a href="{escape(following)}">more</a></td></tr>'
    nodes = "".join(
        f"<tr><td>{escape(node.node_id)}</td><td>{escape(node.address)}</td><td class=n>{node.sessions}</td>"
        f"<td class=n>{node.capacity}</td><td>{'draining' if node.draining else 'open'}</td></tr>"
        for node in figures.nodes or ()
    )
    media = "".join(
        f"<tr><td>{escape(_spoken(name))}</td><td class=n>{value:,.0f}</td></tr>"
        for name, value in sorted(figures.media.items())
        if value
    )
    tiles = "".join(
        f"<div><b>{'–' if value is None else format(value, form)}</b><span>{label}</span></div>"
        for label, value, form in (
            ("Spaces live", figures.spaces_live, ",d"),
            ("people connected", figures.people_connected, ",d"),
            ("packets lost lately", figures.lost_lately, ".2%"),
            ("live streams here", figures.streams, ",d"),
            ("dead letters", figures.dead_letters, ",.0f"),
        )
    )
    return _PAGE.format(
        refresh="" if standing else "<meta http-equiv=refresh content=5>",
        standing=standing,
        tiles=tiles,
        services=services or _EMPTY,
        spaces=spaces or _EMPTY,
        nodes=nodes or _EMPTY,
        media=media or _EMPTY,
    )


def _spoken(metric: str) -> str:
    """A metric's name as people say it."""
    name = metric.removeprefix("rostrum_").removeprefix("forwarder_events_total ").removesuffix("_total")
    return name.replace("_", " ")


_EMPTY: Final = "<tr><td colspan=5 class=empty>none</td></tr>"
_PAGE: Final = """<!doctype html>
<html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width,initial-scale=1">
{refresh}<title>Rostrum: operators</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }}
body {{ margin: 2rem auto; max-width: 60rem; padding: 0 1rem }}
h1 {{ font-size: 1.3rem }} h2 {{ font-size: 1rem; margin: 2rem 0 .4rem }}
.tiles {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .8rem }}
.tiles div {{ border: 1px solid #8884; border-radius: .6rem; padding: .7rem 1rem }}
.tiles b {{ display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums }} .tiles span {{ opacity: .7 }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid #8883 }}
.n {{ text-align: right; font-variant-numeric: tabular-nums }}
.good {{ color: #2a7d46 }} .bad {{ color: #c0392b; font-weight: 600 }} .empty {{ opacity: .6 }}
</style>
<h1>Rostrum</h1><div class=tiles>{tiles}</div>
{standing}
<h2>Services</h2><table><tr><th>service<th>process<th>state<th class=n>pid</tr>{services}</table>
<h2>Live Spaces</h2><table><tr><th>title<th>host<th class=n>on stage<th class=n>listeners</tr>{spaces}</table>
<h2>Media nodes</h2><table><tr><th>node<th>address<th class=n>sessions<th class=n>capacity<th>state</tr>{nodes}</table>
<h2>Packets</h2><table><tr><th>since start<th class=n>count</tr>{media}</table>
</html>
"""
