"""Signing up, and the invitation codes that it takes on an invite-only instance."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel

from contracts.people.v1 import (
    Code,
    InvitationCode,
    InvitationCodes,
    InvitationsQuery,
    IssueInvitation,
    Person,
    RevokeInvitation,
    SignUp,
)
from libs.refusal import Refusal
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import (
    AnonymousHeadDep,
    GatewayDep,
    HeadDep,
    ViewerDep,
    count_sign_up,
    derived_id,
    json_only,
)
from services.gateway.http.problems import OF_A_PEOPLE_COMMAND, responses

router = APIRouter(dependencies=[Depends(json_only)])


@body_of(SignUp, "handle", "invitation", name="display_name")
class NewPerson(Body):
    """Sign-up in development mode."""


class SignedUp(BaseModel):
    """A new person and the token that proves to be them."""

    person: Person
    token: str


@router.post(
    "/v1/people", status_code=201, operation_id="signUp", tags=["people"], dependencies=[Depends(count_sign_up)],
    responses=responses(
        "unauthenticated", "not_allowed", "handle_taken", "invitation_needed", "invalid", "too_many_requests"
    ),
)  # fmt: skip
async def sign_up(body: NewPerson, head: AnonymousHeadDep, gateway: GatewayDep) -> SignedUp:
    """Sign up, and get a token (development identity only)."""
    if not gateway.identity.open_to_all:
        raise Refusal("not_allowed", "Nobody signs up here: sign in where you have your account.")
    fields = dict(body)
    command_id = head.command_id
    if head.repeatable:
        # Nobody is signed in yet whom the key could belong to, and the answer carries a token: only who sends the very
        # same request again gets the same answer.
        command_id = derived_id("sign_up", head.command_id, fields["handle"], fields["display_name"])
    person = await gateway.ask(SignUp(command_id=command_id, person_id=derived_id("person", command_id), **fields))
    return SignedUp(person=person, token=gateway.identity.own.mint(person.id))


@router.get(
    "/v1/ops/invitations", operation_id="getInvitations", tags=["operators"],
    responses=responses("unauthenticated", "not_allowed"),
)  # fmt: skip
async def invitations(viewer: ViewerDep, gateway: GatewayDep) -> InvitationCodes:
    """The codes to sign up with."""
    query = InvitationsQuery(actor=viewer.person_id, operator=viewer.operator)
    return await gateway.ask(query)


@body_of(IssueInvitation, "uses", "expires_at", "note")
class NewCode(Body):
    """A code with which `uses` people may sign up."""


@router.post(
    "/v1/ops/invitations", status_code=201, operation_id="issueInvitation", tags=["operators"],
    responses=responses(*OF_A_PEOPLE_COMMAND, "not_allowed"),
)  # fmt: skip
async def issue(body: NewCode, head: HeadDep, gateway: GatewayDep) -> InvitationCode:
    """Make a code to sign up with."""
    return await gateway.ask(IssueInvitation(**head.fields, **dict(body)))


@router.delete(
    "/v1/ops/invitations/{code}", operation_id="revokeInvitation", tags=["operators"],
    responses=responses(*OF_A_PEOPLE_COMMAND, "not_allowed", "invitation_unknown"),
)  # fmt: skip
async def revoke(
    code: Annotated[Code, Path(description="A code")], head: HeadDep, gateway: GatewayDep
) -> InvitationCode:
    """Make a code worthless."""
    return await gateway.ask(RevokeInvitation(**head.fields, code=code))
