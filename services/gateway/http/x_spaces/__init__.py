"""Lookups compatible with the Spaces of X API v2, so that existing clients work against our address.

Sources: docs.x.com/x-api/spaces (parameters, fields, expansions), docs.x.com/x-api/fundamentals (partial errors are in
`errors` of a good answer). Ids of people and of pins are numbers there, so they are here (`libs.ids.to_number`); as a
parameter our own ids are taken as well. Fields of a user that we have nothing for are left out, as they are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request

from contracts.discovery.v1 import LookupQuery, SearchQuery, SpaceDetails
from contracts.room.v1 import Pin, State
from libs.ids import is_id
from services.gateway.app import Gateway
from services.gateway.http.caller import GatewayDep, PersonDep, ViewerDep
from services.gateway.http.problems import responses
from services.gateway.http.x_spaces.errors import Route, counted, missing
from services.gateway.http.x_spaces.fields import (
    MOST,
    OF_POSTS,
    OF_SPACES,
    Fields,
    Users,
    ids_of,
    number,
    one_of,
    only,
    written,
)
from services.gateway.http.x_spaces.lookup import by_ids as look_up
from services.gateway.http.x_spaces.lookup import found_by
from services.gateway.http.x_spaces.models import XIncludes, XMany, XMeta, XOne, XTweet, XTweets, XUsers

router = APIRouter(tags=["X API v2"], route_class=Route, dependencies=[Depends(counted)])

_ERRORS: Final = responses("bad_request", "unauthenticated", "too_many_requests")
_Expansions = Annotated[str | None, Query(alias="expansions", description="Comma-separated names of expansions.")]
_UserFields = Annotated[str | None, Query(alias="user.fields")]
_TweetFields = Annotated[str | None, Query(alias="tweet.fields")]
_Id = Annotated[str, Path(description="Id of a Space")]


async def _fields(
    space_fields: Annotated[
        str | None, Query(alias="space.fields", description="Comma-separated names of fields.")
    ] = None,
    expansions: _Expansions = None,
    user_fields: _UserFields = None,
    topic_fields: Annotated[str | None, Query(alias="topic.fields")] = None,
) -> None:
    """Says in the OpenAPI document what `Fields` reads from the request."""


_FIELDS: Final = Depends(_fields)


@router.get(
    "/2/spaces/search", operation_id="searchSpaces", responses=_ERRORS, response_model_exclude_none=True,
    dependencies=[_FIELDS],
)  # fmt: skip
async def search(
    request: Request,
    gateway: GatewayDep,
    person_id: PersonDep,
    viewer: ViewerDep,
    query: Annotated[str, Query(min_length=1, max_length=2048)],
    state: Annotated[str, Query()] = "all",
    max_results: Annotated[int, Query(ge=1, le=MOST)] = MOST,
) -> XMany:
    """Live and scheduled Spaces with these words."""
    only(request, "query", "state", "max_results", *OF_SPACES)
    fields = Fields(request)
    wanted = one_of(request, "state") or "all"
    asked = SearchQuery(
        actor=person_id,
        operator=viewer.operator,
        state="live" if wanted == "live" else "scheduled" if wanted == "scheduled" else "all",
        words=query,
        spoken=False,
        limit=max_results,
    )
    await gateway.new_spaces.known()
    page = await gateway.ask(asked)
    # Those that are over come last, and are not found here.
    ids = tuple(card.id for card in page.spaces if card.state in (State.LIVE, State.SCHEDULED))
    found = await look_up(gateway, person_id, ids, operator=viewer.operator)
    return _many(fields, found, counted=True)


@router.get(
    "/2/spaces/by/creator_ids", operation_id="findSpacesByCreatorIds", responses=_ERRORS,
    response_model_exclude_none=True, dependencies=[_FIELDS],
)  # fmt: skip
async def by_creators(
    request: Request,
    gateway: GatewayDep,
    person_id: PersonDep,
    viewer: ViewerDep,
    user_ids: Annotated[str, Query(min_length=1, max_length=4096, description="Comma-separated ids of people.")],
) -> XMany:
    """Live and scheduled Spaces of their creators."""
    only(request, "user_ids", *OF_SPACES)
    fields = Fields(request)
    values = ids_of("user_ids", user_ids, numbers=True)
    query = LookupQuery(
        actor=person_id,
        operator=viewer.operator,
        creator_ids=tuple(value for value in values if is_id(value)),
        creator_numbers=tuple(int(value) for value in values if not is_id(value) and int(value) < 2**63),
    )
    await gateway.new_spaces.known()
    return _many(fields, await found_by(gateway, query), counted=True)


@router.get(
    "/2/spaces", operation_id="findSpacesByIds", responses=_ERRORS, response_model_exclude_none=True,
    dependencies=[_FIELDS],
)  # fmt: skip
async def by_ids(
    request: Request,
    gateway: GatewayDep,
    person_id: PersonDep,
    viewer: ViewerDep,
    ids: Annotated[str, Query(min_length=1, max_length=4096, description="Comma-separated ids of Spaces.")],
) -> XMany:
    """Several Spaces; those that are not there are in `errors`."""
    only(request, "ids", *OF_SPACES)
    fields = Fields(request)
    values = ids_of("ids", ids)
    known = tuple(value for value in values if is_id(value))
    answer = _many(fields, await look_up(gateway, person_id, known, operator=viewer.operator))
    there = {space.id for space in answer.data or ()}
    errors = [missing("space", "ids", value) for value in values if value not in there]
    return answer.model_copy(update={"errors": errors or None})


@router.get(
    "/2/spaces/{id}", operation_id="findSpaceById", responses=_ERRORS, response_model_exclude_none=True,
    dependencies=[_FIELDS],
)  # fmt: skip
async def by_id(
    request: Request,
    gateway: GatewayDep,
    person_id: PersonDep,
    viewer: ViewerDep,
    id: _Id,
) -> XOne:
    """One Space."""
    only(request, *OF_SPACES)
    fields = Fields(request)
    found = await _one(gateway, person_id, operator=viewer.operator, id=id)
    if found is None:
        return XOne(errors=[missing("space", "id", id)])
    return XOne(data=fields.space(found), includes=fields.includes([found]))


@router.get("/2/spaces/{id}/buyers", operation_id="spaceBuyers", responses=_ERRORS, response_model_exclude_none=True)
async def buyers(
    request: Request,
    gateway: GatewayDep,
    person_id: PersonDep,
    viewer: ViewerDep,
    id: _Id,
    user_fields: _UserFields = None,
) -> XUsers:
    """Who bought a ticket: nobody, as there are none."""
    only(request, *OF_POSTS)
    if await _one(gateway, person_id, operator=viewer.operator, id=id) is None:
        return XUsers(errors=[missing("space", "id", id)])
    return XUsers(meta=XMeta(result_count=0))


@router.get("/2/spaces/{id}/tweets", operation_id="spaceTweets", responses=_ERRORS, response_model_exclude_none=True)
async def tweets(
    request: Request,
    gateway: GatewayDep,
    person_id: PersonDep,
    viewer: ViewerDep,
    id: _Id,
    max_results: Annotated[int, Query(ge=1, le=MOST)] = MOST,
    tweet_fields: _TweetFields = None,
    expansions: _Expansions = None,
    user_fields: _UserFields = None,
) -> XTweets:
    """What is pinned, newest first."""
    only(request, *OF_POSTS)
    found = await _one(gateway, person_id, operator=viewer.operator, id=id)
    if found is None:
        return XTweets(errors=[missing("space", "id", id)])
    expanded = "author_id" in (expansions or "").split(",")
    fields = {*(tweet_fields or "").split(","), *(["author_id"] if expanded else [])}
    pins = tuple(reversed(found.pins))[:max_results]
    users = Users(request)
    authors = {pin.person.id: users.user(pin.person) for pin in pins} if expanded else {}
    return XTweets(
        data=[_tweet(pin, fields) for pin in pins] or None,
        includes=XIncludes(users=list(authors.values())) if authors else None,
        meta=XMeta(result_count=len(pins)),
    )


async def _one(gateway: Gateway, person_id: str, *, operator: bool, id: str) -> SpaceDetails | None:
    ids_of("id", id)
    if not is_id(id):
        return None
    found = await look_up(gateway, person_id, (id,), operator=operator)
    return found[0] if found else None


def _many(fields: Fields, found: Sequence[SpaceDetails], *, counted: bool = False) -> XMany:
    return XMany(
        data=[fields.space(one) for one in found] or None,
        includes=fields.includes(found),
        meta=XMeta(result_count=len(found)) if counted else None,
    )


def _tweet(pin: Pin, fields: Iterable[str]) -> XTweet:
    id = number(pin.id)
    return XTweet(
        id=id,
        text=f"{pin.text} {pin.url}".strip(),
        edit_history_tweet_ids=[id],
        author_id=number(pin.person.id) if "author_id" in fields else None,
        created_at=written(pin.pinned_at) if "created_at" in fields else None,
    )
