"""Spaces: lists, creation, lifecycle, presence."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AwareDatetime

from contracts.analytics.v1 import SpaceFigures, SpaceFiguresQuery
from contracts.discovery.v1 import LiveBarQuery, SearchQuery, SpaceCards, SpacePage
from contracts.envelope import SessionId, SpaceId
from contracts.presence.v1 import Lease
from contracts.room.v1 import (
    CancelSpace,
    CreateSpace,
    EndSpace,
    JoinSpace,
    LeaveSpace,
    PresenceQuery,
    SpaceCommand,
    StartSpace,
    State,
)
from libs.bus import Refusal
from libs.ids import made_at
from services.gateway.app import Gateway
from services.gateway.app.access import look, look_inside
from services.gateway.app.views import SpaceView, view
from services.gateway.http.caller import AnonymousOrderDep, GatewayDep, Order, OrderDep, PersonDep, ViewerDep
from services.gateway.http.models import NewSession, NewSpace, SessionOpened
from services.gateway.http.problems import json_only, responses
from services.gateway.projection import Viewer

router = APIRouter(tags=["spaces"], dependencies=[Depends(json_only)])

SpacePath = Annotated[SpaceId, Path(description="Id of a Space")]
COMMAND = ("unauthenticated", "space_unknown", "idempotency_conflict", "invalid", "too_many_requests")
"""What any command about a Space may be refused with."""


async def listeners(gateway: Gateway, space_id: str) -> int:
    """How many listen now."""
    known = gateway.hub.rooms.listeners(space_id)
    if known is not None:
        return known
    return (await gateway.ask(PresenceQuery(space_id=space_id))).listeners


def head(space_id: str, order: Order) -> dict[str, Any]:
    """What every command about a Space carries."""
    return {"space_id": space_id, **order.head}


async def commanded(gateway: Gateway, command: SpaceCommand) -> SpaceView:
    """Send a command; the Space after it, as its actor may see it."""
    space = await gateway.ask(command)
    return view(space, gateway.hub.rooms.listeners(space.id) or 0)


@router.post(
    "/v1/spaces", status_code=201, operation_id="createSpace",
    responses=responses(
        "unauthenticated", "may_not_host", "person_unknown", "too_many_scheduled",
        "idempotency_conflict", "invalid", "too_many_requests",
    ),
)  # fmt: skip
async def create(body: NewSpace, order: OrderDep, gateway: GatewayDep, response: Response) -> SpaceView:
    """Create a Space with oneself as host."""
    command = CreateSpace(
        **order.head,
        space_id=order.new("space"),
        settings=body.settings(),
        scheduled_start=body.scheduled_start,
        platform=body.platform,
    )
    created = await commanded(gateway, command)
    response.headers["Location"] = f"/v1/spaces/{created.id}"
    return created


@router.get("/v1/spaces", operation_id="browse", responses=responses("unauthenticated", "invalid", "too_many_requests"))
async def browse(
    viewer: ViewerDep,
    gateway: GatewayDep,
    state: Annotated[Literal["live", "scheduled", "ended", "all"], Query()] = "live",
    q: Annotated[
        str,
        Query(
            max_length=200,
            description="Words, or beginnings of words, of headline, topics and host; slips are forgiven. After those "
            "come Spaces in whose replay they were said, with the sentence and its place.",
        ),
    ] = "",
    topic: Annotated[str | None, Query(max_length=40)] = None,
    lang: Annotated[str | None, Query(max_length=35, description="`en` finds also `en-GB`.")] = None,
    creator: Annotated[str | None, Query(max_length=26, description="Id or handle of who created it.")] = None,
    starts_from: Annotated[
        AwareDatetime | None, Query(alias="from", description="Starts or started then or later.")
    ] = None,
    starts_to: Annotated[AwareDatetime | None, Query(alias="to", description="Starts or started before.")] = None,
    cursor: Annotated[
        str | None, Query(min_length=1, max_length=300, description="`next_cursor` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> SpacePage:
    """Spaces that one may join: live ones by listeners, scheduled ones by their start, ended ones newest first; with
    words by relevance."""
    query = SearchQuery(
        actor=viewer.person_id,
        operator=viewer.operator,
        state=state,
        words=q,
        spoken=viewer.person_id not in gateway.suspensions,  # who may read no transcript finds none of it
        topic=topic,
        lang=lang,
        creator=creator,
        starts_from=starts_from,
        starts_to=starts_to,
        cursor=cursor,
        limit=limit,
    )
    return await gateway.ask(query)


@router.get("/v1/live-bar", operation_id="getLiveBar", responses=responses("unauthenticated", "invalid"))
async def live_bar(
    person_id: PersonDep, gateway: GatewayDep, limit: Annotated[int, Query(ge=1, le=100)] = 50
) -> SpaceCards:
    """Every live Space in which somebody one follows is on stage."""
    query = LiveBarQuery(actor=person_id, limit=limit)
    return await gateway.ask(query)


@router.get(
    "/v1/spaces/{space_id}", operation_id="getSpace",
    responses=responses("unauthenticated", "removed", "space_unknown"),
)  # fmt: skip
async def get(space_id: SpacePath, viewer: ViewerDep, gateway: GatewayDep) -> SpaceView:
    """One Space as one may see it."""
    space, count = await asyncio.gather(
        look(gateway.bus, space_id, viewer, gateway.ask_seconds), listeners(gateway, space_id)
    )
    return view(space, count)


def lease_for(gateway: Gateway, space_id: str, session_id: str, viewer: Viewer) -> Lease:
    """The lease to renew for a viewer's session. Refuses: session_unknown (no id at all)."""
    now = datetime.now(UTC)
    try:
        joined_at = made_at(session_id)
    except (ValueError, OverflowError):
        raise Refusal("session_unknown", "There is no such session.") from None
    if not now - timedelta(days=1) < joined_at <= now:
        joined_at = now
    otherwise = Lease(space_id=space_id, session_id=session_id, person_id=viewer.person_id, joined_at=joined_at)
    return gateway.renewals.lease_of(space_id, session_id, viewer.person_id, otherwise)


_LIFECYCLE = responses(*COMMAND, "not_host", "not_live", "not_scheduled", "already_ended", "wrong_state")


@router.post("/v1/spaces/{space_id}/start", operation_id="startSpace", responses=_LIFECYCLE)
async def start(space_id: SpacePath, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """The host starts a scheduled Space."""
    return await commanded(gateway, StartSpace(**head(space_id, order)))


@router.post("/v1/spaces/{space_id}/cancel", operation_id="cancelSpace", responses=_LIFECYCLE)
async def cancel(space_id: SpacePath, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """The host cancels a scheduled Space."""
    return await commanded(gateway, CancelSpace(**head(space_id, order)))


@router.post("/v1/spaces/{space_id}/end", operation_id="endSpace", responses=_LIFECYCLE)
async def end(space_id: SpacePath, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """The host ends it."""
    return await commanded(gateway, EndSpace(**head(space_id, order)))


_PRESENCE = responses(
    "unauthenticated", "removed", "blocked", "not_allowed", "space_unknown", "not_live",
    "idempotency_conflict", "invalid", "too_many_requests",
)  # fmt: skip


@router.post("/v1/spaces/{space_id}/sessions", status_code=201, operation_id="openSession", responses=_PRESENCE)
async def open_session(
    space_id: SpacePath, order: AnonymousOrderDep, gateway: GatewayDep, body: NewSession | None = None
) -> SessionOpened:
    """Join: open a session, anonymously without a token."""
    body = body or NewSession()
    command = JoinSpace(
        **head(space_id, order),
        session_id=order.new(f"session {space_id}"),
        platform=body.platform,
        source=body.source,
        hidden=body.hidden,
    )
    session = await gateway.ask(command)
    gateway.renewals.opened(
        Lease(
            space_id=space_id,
            session_id=session.session_id,
            person_id=order.actor,
            joined_at=datetime.now(UTC),
            platform=body.platform,
            source=body.source,
            hidden=body.hidden,
        )
    )
    return SessionOpened(
        session_id=session.session_id,
        role=session.role,
        lease_seconds=session.lease_seconds,
        blocked_on_stage=session.blocked_on_stage,
    )


SessionPath = Annotated[SessionId, Path(description="Id of a session")]


@router.post(
    "/v1/spaces/{space_id}/sessions/{session_id}/renew", status_code=204, operation_id="renewSession",
    responses=responses(
        "unauthenticated", "removed", "blocked", "not_allowed", "space_unknown", "session_unknown", "not_live",
        "invalid",
    ),
)  # fmt: skip
async def renew(space_id: SpacePath, session_id: SessionPath, viewer: ViewerDep, gateway: GatewayDep) -> None:
    """Say that one is still there; not needed while an event stream is open with the session."""
    # Whoever was let in stays, also where fewer may join since; what was not opened here is no proof of that.
    opened = gateway.renewals.was_opened(space_id, session_id, viewer.person_id)
    space = await (look if opened else look_inside)(gateway.bus, space_id, viewer, gateway.ask_seconds)
    if space.state is not State.LIVE:
        raise Refusal("not_live", "This Space is not live.")
    await gateway.renewals.renew([lease_for(gateway, space_id, session_id, viewer)])


@router.delete(
    "/v1/spaces/{space_id}/sessions/{session_id}", status_code=204, operation_id="closeSession", responses=_PRESENCE
)
async def close_session(
    space_id: SpacePath, session_id: SessionPath, order: AnonymousOrderDep, gateway: GatewayDep
) -> None:
    """Leave; fine also where the session is gone already."""
    command = LeaveSpace(command_id=order.command_id, actor=order.actor, space_id=space_id, session_id=session_id)
    await gateway.ask(command)


@router.get(
    "/v1/spaces/{space_id}/analytics", operation_id="getAnalytics", tags=["numbers"],
    responses=responses("unauthenticated", "not_host", "removed", "space_unknown"),
)  # fmt: skip
async def analytics(space_id: SpacePath, person_id: PersonDep, viewer: ViewerDep, gateway: GatewayDep) -> SpaceFigures:
    """Figures of a Space, for its host."""
    space = await look(gateway.bus, space_id, viewer, gateway.ask_seconds)
    if space.host.id != person_id and not viewer.operator:
        raise Refusal("not_host", "Only the host sees the figures of a Space.")
    query = SpaceFiguresQuery(space_id=space_id, actor=person_id, operator=viewer.operator)
    return await gateway.ask(query)
