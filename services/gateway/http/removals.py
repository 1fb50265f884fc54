"""Removing people from a Space for good, and undoing it."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query

from contracts.room.v1 import PeopleList, ReadmitPerson, RemovePerson, SpacePeople, SpacePeopleQuery
from services.gateway.app.visibility import Viewer
from services.gateway.app.watched import SpaceView
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, ViewerDep, json_only, person
from services.gateway.http.parameters import PersonPath, SpacePath
from services.gateway.http.problems import OF_A_SPACE_COMMAND, responses

router = APIRouter(tags=["stage"], dependencies=[Depends(json_only)])

_Limit = Annotated[int, Query(ge=1, le=500)]
_After = Annotated[str, Query(pattern=r"^[0-9a-z]{0,26}$", description="`next` of the page before")]
_LIST: Final = responses("unauthenticated", "removed", "blocked", "suspended", "space_unknown", "not_host", "invalid")


def _asked_by(viewer: Viewer) -> dict[str, Any]:
    return {"actor": viewer.person_id, "operator": viewer.operator}


@router.get(
    "/v1/spaces/{space_id}/removals", operation_id="removedPeople", dependencies=[Depends(person)], responses=_LIST
)
async def removed_people(
    space_id: SpacePath, viewer: ViewerDep, gateway: GatewayDep, limit: _Limit = 100, after: _After = ""
) -> SpacePeople:
    """Everybody who is out, for the hosts, a page at a time."""
    return await gateway.ask(
        SpacePeopleQuery(**_asked_by(viewer), space_id=space_id, which=PeopleList.REMOVED, limit=limit, after=after)
    )


@router.get(
    "/v1/spaces/{space_id}/invited", operation_id="invitedPeople", dependencies=[Depends(person)], responses=_LIST
)
async def invited_people(
    space_id: SpacePath, viewer: ViewerDep, gateway: GatewayDep, limit: _Limit = 100, after: _After = ""
) -> SpacePeople:
    """Everybody who is invited, for the hosts, a page at a time."""
    return await gateway.ask(
        SpacePeopleQuery(**_asked_by(viewer), space_id=space_id, which=PeopleList.INVITED, limit=limit, after=after)
    )


@body_of(RemovePerson, "person_id", reason="explanation")
class NewRemoval(Body):
    """Removing somebody for good; the reason is for the hosts and the moderation log."""


@router.post(
    "/v1/spaces/{space_id}/removals", operation_id="removePerson",
    responses=responses(*OF_A_SPACE_COMMAND, "not_host", "not_allowed", "removed", "person_unknown", "not_live"),
)  # fmt: skip
async def remove(space_id: SpacePath, body: NewRemoval, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Remove somebody for good."""
    return await gateway.change(RemovePerson(**head.fields, space_id=space_id, **dict(body)))


@router.delete(
    "/v1/spaces/{space_id}/removals/{person_id}", operation_id="readmitPerson",
    responses=responses(
        *OF_A_SPACE_COMMAND, "removed", "blocked", "suspended", "not_host", "not_allowed", "not_live", "wrong_state"
    ),
)  # fmt: skip
async def readmit(space_id: SpacePath, person_id: PersonPath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Undo a removal."""
    return await gateway.change(ReadmitPerson(**head.fields, space_id=space_id, person_id=person_id))
