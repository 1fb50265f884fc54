"""Invitations into a Space: to speak, or only to join."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query

from contracts.room.v1 import AcceptInvitation, DeclineInvitation, Invite, InvitedTo, WithdrawInvitation
from services.gateway.app.watched import SpaceView
from services.gateway.http.bodies import Body, body_of
from services.gateway.http.caller import GatewayDep, HeadDep, json_only
from services.gateway.http.parameters import PersonPath, SpacePath
from services.gateway.http.problems import OF_A_SPACE_COMMAND, responses

router = APIRouter(tags=["stage"], dependencies=[Depends(json_only)])

_ALL: Final = (*OF_A_SPACE_COMMAND, "removed", "blocked", "suspended")
_INVITED: Final = responses(*_ALL, "invitation_unknown", "not_live", "stage_full", "not_in_space")


@body_of(Invite, "person_id", "to")
class NewInvitation(Body):
    """Whom to invite: to speak, or only to join where only invited people can."""


@router.post(
    "/v1/spaces/{space_id}/invitations", status_code=202, operation_id="invite",
    responses=responses(
        *_ALL, "not_host", "not_allowed", "person_unknown", "not_live", "wrong_state", "already_on_stage",
        "stage_full", "too_many_invitations",
    ),
)  # fmt: skip
async def invite(space_id: SpacePath, body: NewInvitation, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Invite somebody."""
    return await gateway.change(Invite(**head.fields, space_id=space_id, **dict(body)))


@body_of(AcceptInvitation, "consent_to_recording")
class Acceptance(Body):
    """Coming on stage. Without consent one is heard live, and is in no recording and no transcript."""


@router.post("/v1/spaces/{space_id}/invitations/me/accept", operation_id="acceptInvitation", responses=_INVITED)
async def accept_invitation(
    space_id: SpacePath, head: HeadDep, gateway: GatewayDep, body: Acceptance | None = None
) -> SpaceView:
    """Come on stage."""
    return await gateway.change(AcceptInvitation(**head.fields, space_id=space_id, **dict(body or Acceptance())))


@router.post("/v1/spaces/{space_id}/invitations/me/decline", operation_id="declineInvitation", responses=_INVITED)
async def decline_invitation(space_id: SpacePath, head: HeadDep, gateway: GatewayDep) -> SpaceView:
    """Say no."""
    return await gateway.change(DeclineInvitation(**head.fields, space_id=space_id))


@router.delete(
    "/v1/spaces/{space_id}/invitations/{person_id}", operation_id="withdrawInvitation",
    responses=responses(*_ALL, "not_host", "invitation_unknown", "wrong_state"),
)  # fmt: skip
async def withdraw_invitation(
    space_id: SpacePath,
    person_id: PersonPath,
    head: HeadDep,
    gateway: GatewayDep,
    to: Annotated[InvitedTo, Query(description="`join`: every invitation, also to speak")] = InvitedTo.SPEAK,
) -> SpaceView:
    """Take an invitation back: to speak, or to join. Whoever is there already stays."""
    return await gateway.change(WithdrawInvitation(**head.fields, space_id=space_id, person_id=person_id, to=to))
