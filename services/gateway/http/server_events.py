"""Events of all Spaces, for servers of the host product."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from contracts.envelope import SpaceId
from contracts.servers import server_events
from libs.refusal import Refusal
from services.gateway.app.server_feed import Wanted
from services.gateway.http.caller import GatewayDep, opened
from services.gateway.http.live_events import EVENTS, EventStream, LastHeader, LastQuery
from services.gateway.http.problems import responses
from services.gateway.http.server_caller import EventsServer

router = APIRouter(tags=["server"])

_LONGEST: Final = 4000


@router.get(
    "/v1/server/events", operation_id="serverEvents", response_class=Response,
    responses={
        **responses(
            "unauthenticated", "not_allowed", "space_unknown", "too_many_requests", "invalid", standing=False
        ),
        **EVENTS,
    },
)  # fmt: skip
async def server_events_(
    request: Request,
    server: EventsServer,
    gateway: GatewayDep,
    types: Annotated[
        str | None,
        Query(max_length=_LONGEST, examples=["room.started,room.ended"], description="These only, with commas between"),
    ] = None,
    space: Annotated[SpaceId | None, Query(description="Of this Space only")] = None,
    last_header: LastHeader = None,
    last_query: LastQuery = None,
) -> Response:
    """Everything that happens in all Spaces, as their hosts are told it.

    A stream that is resumed has all that was missed, as fast as it is read. After `reset` something may be missing. It
    ends when the key is revoked, or no longer good after it was rotated.
    """
    stream = await opened(
        request, gateway.streams.of_server(server.viewer, Wanted(_types(types), space), last_header or last_query)
    )
    return EventStream(stream)


def _types(asked: str | None) -> frozenset[str] | None:
    """Refuses: invalid."""
    if asked is None:
        return None
    names = {name.strip() for name in asked.split(",")} - {""}
    known = server_events()
    if unknown := sorted(names - known.keys()):
        which = ", ".join(unknown)[:200]
        raise Refusal("invalid", f"No event for servers is called {which}. There are: {', '.join(known)}.")
    if not names:
        raise Refusal("invalid", "Name at least one type of event, or leave `types` out for all of them.")
    return frozenset(names)
