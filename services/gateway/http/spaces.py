"""Spaces: creating and finding them, and their life from the start to the end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import TypeAdapter, ValidationError

from contracts.discovery.v1 import SearchQuery, SpacePage
from contracts.room.v1 import (
    CancelSpace,
    ChosenSettings,
    CreateSpace,
    DeleteSpace,
    EndSpace,
    HandOver,
    PastSpace,
    PastSpaceQuery,
    PresenceQuery,
    Reschedule,
    Settings,
    StartSpace,
    State,
)
from contracts.times import GivenMoment
from libs.refusal import Refusal
from services.gateway.app import Gateway
from services.gateway.app.access import look
from services.gateway.app.watched import SpaceView, view
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, ViewerDep, count_created, json_only
from services.gateway.http.parameters import SpacePath
from services.gateway.http.problems import OF_A_COMMAND, OF_A_SPACE_COMMAND, responses

router = APIRouter(tags=["spaces"], dependencies=[Depends(json_only)])

_STATES: Final = {
    "live": (State.LIVE,),
    "scheduled": (State.SCHEDULED,),
    "ended": (State.ENDED, State.TIMED_OUT),
    "all": (State.LIVE, State.SCHEDULED, State.ENDED, State.TIMED_OUT),
}
"""What is looked through by each choice; what was canceled is in no list."""
_TIME: Final[TypeAdapter[datetime]] = TypeAdapter(GivenMoment)
_DIGITS: Final = 9
_ALL: Final = (*OF_A_SPACE_COMMAND, "removed", "blocked", "suspended")


@body_of(ChosenSettings)
@body_of(CreateSpace, "scheduled_start", "platform", "words")
class NewSpace(Body):
    """A Space to be created; it is live at once unless `scheduled_start` (at most 30 days ahead) is given."""


@router.post(
    "/v1/spaces", status_code=201, operation_id="createSpace", dependencies=[Depends(count_created)],
    responses=responses(*OF_A_COMMAND, "may_not_host", "person_unknown", "too_many_scheduled", "too_many_live"),
)  # fmt: skip
async def create(body: NewSpace, head: HeadDep, gateway: GatewayDep, response: Response) -> SpaceView:
    """Create a Space with oneself as host."""
    space_id, settings = head.new("space"), Settings(**body.of(Settings))
    command = CreateSpace(**head.fields, space_id=space_id, settings=settings, **body.of(CreateSpace))
    created = await gateway.choose(command)
    gateway.new_spaces.add(created.id, created.host.id)
    # Whoever is told of it finds it in all lists, at other gateways too.
    await gateway.new_spaces.known()
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
            "come Spaces in whose replay they were said, with the sentence and its place, where one may read that.",
        ),
    ] = "",
    spoken: Annotated[bool, Query(description="Whether words are looked for also in what was said.")] = True,
    topic: Annotated[str | None, Query(max_length=40)] = None,
    lang: Annotated[str | None, Query(max_length=35, description="`en` finds also `en-GB`.")] = None,
    creator: Annotated[str | None, Query(max_length=26, description="Id or handle of who created it.")] = None,
    starts_from: Annotated[
        GivenMoment | None, Query(alias="from", description="Starts or started then or later.")
    ] = None,
    starts_to: Annotated[GivenMoment | None, Query(alias="to", description="Starts or started before.")] = None,
    cursor: Annotated[
        str | None, Query(min_length=1, max_length=300, description="`next_cursor` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> SpacePage:
    """Spaces that one may join: live ones by listeners, scheduled ones by their start, ended ones newest first; with
    words by relevance."""
    await gateway.new_spaces.known()
    query = SearchQuery(
        actor=viewer.person_id,
        operator=viewer.operator,
        state=state,
        words=q,
        spoken=spoken,
        topic=topic,
        lang=lang,
        creator=creator,
        starts_from=starts_from,
        starts_to=starts_to,
        cursor=cursor,
        limit=limit,
    )
    page = await gateway.ask(query)
    return page.model_copy(update={"states": _STATES[state]})


@router.get(
    "/v1/spaces/{space_id}", operation_id="getSpace",
    responses=responses(
        "unauthenticated", "removed", "blocked", "suspended", "not_allowed", "space_unknown", "not_found", "invalid"
    ),
)  # fmt: skip
async def get(
    space_id: SpacePath,
    viewer: ViewerDep,
    gateway: GatewayDep,
    at: Annotated[
        str | None,
        Query(
            max_length=100,
            examples=["12", "2026-12-01T19:00:16Z"],
            description="How it was after that version, or at that time: for hosts and operators; once it is over, for "
            "everybody, if everybody could join. What was erased since is missing.",
        ),
    ] = None,
) -> SpaceView | PastSpace:
    """One Space as one may see it; for those who may join it, and once it is over for who stood on stage."""
    if at is not None:
        version, moment = _when(at)
        asker = {"actor": viewer.person_id, "operator": viewer.operator}
        past = PastSpaceQuery.model_validate({**asker, "space_id": space_id, "version": version, "at": moment})
        return (await gateway.bus.ask(past, timeout=gateway.ask_seconds)).result
    space, count = await asyncio.gather(
        look(gateway.bus, space_id, viewer, gateway.ask_seconds), _listeners(gateway, space_id)
    )
    return view(space, count)


def _when(at: str) -> tuple[int | None, datetime | None]:
    """The version or the time that is meant. Refuses: invalid."""
    if at.isascii() and at.isdigit():
        if at.lstrip("0") and len(at) <= _DIGITS:
            return int(at), None
        raise Refusal("invalid", f"There is no version {at[:20]}: they are counted from 1.")
    try:
        when = _TIME.validate_python(at)
    except ValidationError:
        hint = "2026-12-01T19:00:16Z (in an address, + is written %2B)"
        raise Refusal("invalid", f"{at[:40]!r} is neither a version nor a time with its offset, like {hint}.") from None
    if when > datetime.now(UTC):
        raise Refusal("invalid", "That time has not come yet.")
    return None, when


async def _listeners(gateway: Gateway, space_id: str) -> int:
    known = gateway.spaces.listeners(space_id)
    return (await gateway.ask(PresenceQuery(space_id=space_id))).listeners if known is None else known


_LIFECYCLE: Final = responses(
    *OF_A_SPACE_COMMAND, "not_host", "not_live", "not_scheduled", "already_ended", "wrong_state"
)

_START: Final = responses(
    *OF_A_SPACE_COMMAND, "not_host", "not_live", "not_scheduled", "already_ended", "wrong_state", "may_not_host",
    "too_many_live",
)  # fmt: skip


@router.post("/v1/spaces/{space_id}/start", operation_id="startSpace", responses=_START)
async def start(space_id: SpacePath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """The host starts a scheduled Space."""
    return await gateway.change(StartSpace(**head.fields, space_id=space_id))


@body_of(Reschedule, "scheduled_start")
class NewStart(Body):
    """Another start, at most 30 days ahead."""


@router.post(
    "/v1/spaces/{space_id}/reschedule", operation_id="rescheduleSpace", tags=["stage"],
    responses=responses(*_ALL, "not_host", "not_scheduled"),
)  # fmt: skip
async def reschedule(space_id: SpacePath, body: NewStart, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """The host chooses another start."""
    return await gateway.change(Reschedule(**head.fields, space_id=space_id, **dict(body)))


@router.post("/v1/spaces/{space_id}/cancel", operation_id="cancelSpace", responses=_LIFECYCLE)
async def cancel(space_id: SpacePath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """The host cancels a scheduled Space."""
    return await gateway.change(CancelSpace(**head.fields, space_id=space_id))


@body_of(HandOver, "person_id")
class Somebody(Body):
    """Whom it is about."""


@router.post(
    "/v1/spaces/{space_id}/hand-over", operation_id="handOver", tags=["stage"],
    responses=responses(*_ALL, "not_host", "not_allowed", "not_live", "wrong_state", "may_not_host"),
)  # fmt: skip
async def hand_over(space_id: SpacePath, body: Somebody, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """The host leaves, and a co-host is the host from now on."""
    return await gateway.change(HandOver(**head.fields, space_id=space_id, **dict(body)))


@router.delete(
    "/v1/spaces/{space_id}", status_code=204, operation_id="deleteSpace",
    responses=responses(*OF_A_SPACE_COMMAND, "removed", "blocked", "not_host", "wrong_state"),
)  # fmt: skip
async def delete(space_id: SpacePath, head: HeadDep, gateway: GatewayDep) -> None:
    """The host deletes a Space that is scheduled or over, with everything that was said and written in it; operators
    any. Of its replay a safety copy is kept for reports, sealed, for its time."""
    await gateway.ask(DeleteSpace(**head.fields, space_id=space_id))


@router.post("/v1/spaces/{space_id}/end", operation_id="endSpace", responses=_LIFECYCLE)
async def end(space_id: SpacePath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """The host ends it."""
    return await gateway.change(EndSpace(**head.fields, space_id=space_id))
