"""Profiles, and what one keeps to oneself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from contracts.people.v1 import ChangePrivacy, ChangeProfile, PeopleFound, PeopleQuery, Person, PersonQuery
from contracts.written import Written
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import (
    GatewayDep,
    HeadDep,
    PersonDep,
    SuspendedPersonDep,
    ViewerDep,
    count_people_search,
    json_only,
)
from services.gateway.http.parameters import PersonPath
from services.gateway.http.problems import OF_A_PEOPLE_COMMAND, responses

router = APIRouter(tags=["people"], dependencies=[Depends(json_only)])


@router.get("/v1/me", operation_id="getMe", responses=responses("unauthenticated", "person_unknown", standing=False))
async def me(person_id: SuspendedPersonDep, gateway: GatewayDep) -> Person:
    """The signed-in person."""
    query = PersonQuery(person_id=person_id, actor=person_id)
    return await gateway.ask(query)


@body_of(ChangeProfile, "handle", "bio", "links", name="display_name")
class NewProfile(Body):
    """What is left out stays as it is."""


@router.patch(
    "/v1/me",
    operation_id="changeProfile",
    responses=responses(*OF_A_PEOPLE_COMMAND, "handle_taken", "changed_too_often"),
)
async def change(body: NewProfile, head: HeadDep, gateway: GatewayDep) -> Person:
    """Change one's handle, name, bio or links. Others see it everywhere at once; the old handle is free for them."""
    return await gateway.ask(ChangeProfile(**head.fields, **dict(body)))


@router.get(
    "/v1/people", operation_id="findPeople", dependencies=[Depends(count_people_search)],
    responses=responses("unauthenticated", "invalid", "too_many_requests"),
)  # fmt: skip
async def find(
    person_id: PersonDep,
    gateway: GatewayDep,
    q: Annotated[str, Written(1, 50), Query(description="Beginnings of words of the name or the handle, in any case.")],
    limit: Annotated[int, Query(ge=1, le=20)] = 10,
) -> PeopleFound:
    """People by name or handle, to invite them: not oneself, nobody suspended, nobody between whom and oneself is a
    block."""
    return await gateway.ask(PeopleQuery(actor=person_id, words=q, limit=limit))


@router.get(
    "/v1/people/{person_id}", operation_id="getPerson", responses=responses("unauthenticated", "person_unknown")
)
async def person(person_id: PersonPath, viewer: ViewerDep, gateway: GatewayDep) -> Person:
    """One profile."""
    query = PersonQuery(person_id=person_id, actor=viewer.person_id, operator=viewer.operator)
    return await gateway.ask(query)


@body_of(ChangePrivacy, "protected", "hides_listening")
class NewPrivacy(Body):
    """What is left out stays as it is."""


@router.put("/v1/me/privacy", operation_id="changePrivacy", responses=responses(*OF_A_PEOPLE_COMMAND))
async def privacy(body: NewPrivacy, head: HeadDep, gateway: GatewayDep) -> Person:
    """Protect one's account, or hide which Spaces one listens to."""
    return await gateway.ask(ChangePrivacy(**head.fields, **dict(body)))
