"""Being in a Space: whether one may join, the session that says one is there, and who else is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel

from contracts.envelope import PersonRef, SessionId
from contracts.presence.v1 import Lease
from contracts.room.v1 import (
    AdmitQuery,
    Grant,
    JoinSpace,
    LeaveSpace,
    Participants,
    ParticipantsQuery,
    Role,
    State,
)
from libs.ids import made_at
from libs.refusal import Refusal
from services.gateway.app import Gateway
from services.gateway.app.access import look
from services.gateway.app.visibility import Viewer
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import AnonymousHeadDep, GatewayDep, ViewerDep, count_anonymous, json_only
from services.gateway.http.parameters import SpacePath
from services.gateway.http.problems import responses

router = APIRouter(tags=["spaces"], dependencies=[Depends(json_only)])

SessionPath = Annotated[SessionId, Path(description="Id of a session")]
_PRESENCE: Final = responses(
    "unauthenticated", "removed", "blocked", "not_allowed", "space_unknown", "not_live",
    "idempotency_conflict", "invalid", "too_many_requests", "session_unknown",
)  # fmt: skip


@router.get(
    "/v1/spaces/{space_id}/admission", operation_id="admission", tags=["stage"],
    responses=responses(
        "unauthenticated", "removed", "blocked", "suspended", "not_allowed", "space_unknown", "not_live", "invalid"
    ),
)  # fmt: skip
async def admission(space_id: SpacePath, viewer: ViewerDep, gateway: GatewayDep) -> Grant:
    """Whether one may join, and whom on stage one has blocked, to be warned before joining."""
    query = AdmitQuery(space_id=space_id, actor=viewer.person_id, operator=viewer.operator)
    return await gateway.ask(query)


@body_of(JoinSpace, "platform", "source", "hidden", "replaces")
class NewSession(Body):
    """Joining a Space: on what, and from where. Who signed up while listening names the anonymous session that this
    one `replaces`, so that one listener stays one."""


class SessionOpened(BaseModel):
    """A live presence. It ends `lease_seconds` after its last renewal; an open event stream with it renews it.

    Its id is good for whoever opened it, and an anonymous client's secret.
    """

    session_id: SessionId
    role: Role
    lease_seconds: float
    blocked_on_stage: tuple[PersonRef, ...] = ()
    """People on stage whom one has blocked."""


@router.post(
    "/v1/spaces/{space_id}/sessions", status_code=201, operation_id="openSession", responses=_PRESENCE,
    dependencies=[Depends(count_anonymous)],
)  # fmt: skip
async def open_session(
    space_id: SpacePath, head: AnonymousHeadDep, gateway: GatewayDep, body: NewSession | None = None
) -> SessionOpened:
    """Join: open a session, anonymously without a token."""
    chosen = dict(body or NewSession())
    if chosen["replaces"] is not None:
        chosen["replaces"] = gateway.sessions.known_as(chosen["replaces"], space_id, None)
    own = gateway.sessions.bound(head.new(f"session {space_id}"), space_id, head.actor)
    session_id = gateway.sessions.known_as(own, space_id, head.actor)
    command = JoinSpace(**head.fields, space_id=space_id, session_id=session_id, **chosen)
    session = await gateway.ask(command)
    gateway.renewals.opened(
        Lease(
            space_id=space_id,
            session_id=session_id,
            person_id=head.actor,
            joined_at=datetime.now(UTC),
            platform=command.platform,
            source=command.source,
            hidden=command.hidden,
        )
    )
    return SessionOpened(
        session_id=own,
        role=session.role,
        lease_seconds=session.lease_seconds,
        blocked_on_stage=session.blocked_on_stage,
    )


@router.post(
    "/v1/spaces/{space_id}/sessions/{session_id}/renew", status_code=204, operation_id="renewSession",
    responses=responses(
        "unauthenticated", "removed", "blocked", "not_allowed", "space_unknown", "session_unknown", "not_live",
        "invalid",
    ),
)  # fmt: skip
async def renew(space_id: SpacePath, session_id: SessionPath, viewer: ViewerDep, gateway: GatewayDep) -> None:
    """Say that one is still there; not needed while an event stream is open with the session."""
    lease = lease_for(gateway, space_id, session_id, viewer)
    # Whoever was let in, which their session proves, stays also where fewer may join since.
    space = await look(gateway.bus, space_id, viewer, gateway.ask_seconds, let_in=True, session=lease.session_id)
    if space.state is not State.LIVE:
        raise Refusal("not_live", "This Space is not live.")
    await gateway.renewals.renew([lease])


def lease_for(gateway: Gateway, space_id: str, session_id: str, viewer: Viewer) -> Lease:
    """The lease to renew for a viewer's session. Refuses: session_unknown (it is not theirs, or none at all)."""
    session_id = gateway.sessions.known_as(session_id, space_id, viewer.person_id)
    now, joined_at = datetime.now(UTC), made_at(session_id)
    if not now - timedelta(days=1) < joined_at <= now:
        joined_at = now
    otherwise = Lease(
        space_id=space_id,
        session_id=session_id,
        person_id=viewer.person_id,
        joined_at=joined_at,
        hidden=True,  # whether they hide is not known here
    )
    return gateway.renewals.lease_of(otherwise)


@router.delete(
    "/v1/spaces/{space_id}/sessions/{session_id}", status_code=204, operation_id="closeSession", responses=_PRESENCE
)
async def close_session(
    space_id: SpacePath, session_id: SessionPath, head: AnonymousHeadDep, gateway: GatewayDep
) -> None:
    """Leave, also the queue; fine also where the session is gone already. Who has signed up meanwhile may close the
    session that they had before."""
    try:
        actor, known = head.actor, gateway.sessions.known_as(session_id, space_id, head.actor)
    except Refusal:
        actor, known = None, gateway.sessions.known_as(session_id, space_id, None)
    gateway.renewals.closed(known)
    await gateway.ask(LeaveSpace(**{**head.fields, "actor": actor}, space_id=space_id, session_id=known))


@router.get(
    "/v1/spaces/{space_id}/participants", operation_id="participants", tags=["stage"],
    responses=responses("unauthenticated", "removed", "blocked", "suspended", "space_unknown", "not_live", "invalid"),
)  # fmt: skip
async def participants(
    space_id: SpacePath,
    viewer: ViewerDep,
    gateway: GatewayDep,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    after: Annotated[str, Query(pattern=r"^[0-9a-z]{0,26}$", description="`next` of the page before")] = "",
) -> Participants:
    """Who is there now, a page at a time; anonymous and hidden people are only counted."""
    query = ParticipantsQuery(space_id=space_id, actor=viewer.person_id, limit=limit, after=after)
    return await gateway.ask(query)
