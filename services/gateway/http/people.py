"""People: sign-up, profiles, following, tip jars."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from contracts.envelope import PersonId
from contracts.people.v1 import Follow, Person, PersonQuery, SignUp, Unfollow
from contracts.tipping.v1 import FillJar, JarQuery, TipJar
from services.gateway.http.caller import AnonymousOrderDep, GatewayDep, OrderDep, PersonDep, ViewerDep, derived_id
from services.gateway.http.models import NewJar, NewPerson, SignedUp
from services.gateway.http.problems import json_only, responses

router = APIRouter(tags=["people"], dependencies=[Depends(json_only)])

PersonPath = Annotated[PersonId, Path(description="Id of a person")]


@router.post(
    "/v1/people", status_code=201, operation_id="signUp",
    responses=responses("unauthenticated", "handle_taken", "invitation_needed", "invalid", "too_many_requests"),
)  # fmt: skip
async def sign_up(body: NewPerson, order: AnonymousOrderDep, gateway: GatewayDep) -> SignedUp:
    """Sign up, and get a token (development identity only)."""
    command_id = order.command_id
    if order.repeatable:
        # Nobody is signed in yet whom the key could belong to, and the answer carries a token: only who sends the very
        # same request again gets the same answer.
        command_id = derived_id("sign_up", order.command_id, body.handle, body.name)
    command = SignUp(
        command_id=command_id,
        person_id=derived_id("person", command_id),
        handle=body.handle,
        display_name=body.name,
        invitation=body.invitation,
    )
    person = await gateway.ask(command)
    return SignedUp(person=person, token=gateway.identity.mint(person.id))


@router.get("/v1/me", operation_id="getMe", responses=responses("unauthenticated", "person_unknown"))
async def me(person_id: PersonDep, gateway: GatewayDep) -> Person:
    """The signed-in person."""
    query = PersonQuery(person_id=person_id, actor=person_id)
    return await gateway.ask(query)


@router.get(
    "/v1/people/{person_id}", operation_id="getPerson", responses=responses("unauthenticated", "person_unknown")
)
async def person(person_id: PersonPath, viewer: ViewerDep, gateway: GatewayDep) -> Person:
    """One profile."""
    query = PersonQuery(person_id=person_id, actor=viewer.person_id, operator=viewer.operator)
    return await gateway.ask(query)


_FOLLOWING = responses(
    "unauthenticated", "not_allowed", "person_unknown", "idempotency_conflict", "invalid", "too_many_requests"
)


@router.put("/v1/me/following/{person_id}", status_code=204, operation_id="follow", responses=_FOLLOWING)
async def follow(person_id: PersonPath, order: OrderDep, gateway: GatewayDep) -> None:
    """Follow somebody; again is fine."""
    command = Follow(command_id=order.command_id, actor=order.actor, followee_id=person_id)
    await gateway.ask(command)


@router.delete("/v1/me/following/{person_id}", status_code=204, operation_id="unfollow", responses=_FOLLOWING)
async def unfollow(person_id: PersonPath, order: OrderDep, gateway: GatewayDep) -> None:
    """Follow somebody no longer; fine also where one did not."""
    command = Unfollow(command_id=order.command_id, actor=order.actor, followee_id=person_id)
    await gateway.ask(command)


@router.put(
    "/v1/me/tip-jar", operation_id="fillTipJar",
    responses=responses(
        "unauthenticated", "not_allowed", "person_unknown", "idempotency_conflict",
        "invalid", "too_many_requests",
    ),
)  # fmt: skip
async def fill_jar(body: NewJar, order: OrderDep, gateway: GatewayDep) -> TipJar:
    """Fill, change or close one's tip jar."""
    command = FillJar(
        command_id=order.command_id,
        actor=order.actor,
        enabled=body.enabled,
        names=body.names(),
        public_names_acknowledged=body.public_names_acknowledged,
    )
    return await gateway.ask(command)


@router.get(
    "/v1/people/{person_id}/tip-jar", operation_id="getTipJar", responses=responses("unauthenticated", "person_unknown")
)
async def jar(person_id: PersonPath, viewer: ViewerDep, gateway: GatewayDep) -> TipJar:
    """A person's tip jar; names only where it is enabled, or for its owner."""
    query = JarQuery(person_id=person_id, actor=viewer.person_id, operator=viewer.operator)
    return await gateway.ask(query)
