"""The stage, where a request has a body: asking to speak, invitations, removals, reactions, pins; and questions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime, Field

from contracts.envelope import PersonId
from contracts.room.v1 import (
    AcceptInvitation,
    AdmitQuery,
    ChangeSettings,
    Grant,
    HandOver,
    Invite,
    InvitedTo,
    Language,
    Link,
    Participants,
    ParticipantsQuery,
    PinId,
    PinLink,
    PreviewText,
    React,
    RemovePerson,
    RequestToSpeak,
    Reschedule,
    Title,
    Topic,
    Topics,
    TopicsQuery,
    Unpin,
    WhoCanJoin,
    WhoCanSpeak,
)
from services.gateway.app.views import SpaceView
from services.gateway.http.caller import GatewayDep, OrderDep, ViewerDep
from services.gateway.http.models import Body, NewReaction, NewRemoval, NewRequest
from services.gateway.http.problems import json_only, responses
from services.gateway.http.spaces import COMMAND, SpacePath, commanded, head

router = APIRouter(tags=["stage"], dependencies=[Depends(json_only)])

PinPath = Annotated[PinId, Path(description="Id of a pin")]
_ALL = ("removed", "blocked", "suspended")
_HOSTS = responses(*COMMAND, *_ALL, "not_host", "not_allowed", "not_live", "wrong_state")
_INVITED = responses(*COMMAND, *_ALL, "invitation_unknown", "not_live", "stage_full")


# ---- what the host changes --------------------------------------------------------------------------------------


class Changes(Body):
    """What is to be otherwise; what is left out stays. Recording and captions are chosen before the start."""

    title: Title | None = None
    topics: Annotated[tuple[Topic, ...], Field(max_length=3)] | None = None
    lang: Language | None = None
    who_can_join: WhoCanJoin | None = None
    who_can_speak: WhoCanSpeak | None = None
    recorded: bool | None = None
    captions: bool | None = None


@router.patch("/v1/spaces/{space_id}", operation_id="changeSpace", tags=["spaces"], responses=_HOSTS)
async def change(space_id: SpacePath, body: Changes, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """The host chooses otherwise."""
    return await commanded(gateway, ChangeSettings(**head(space_id, order), **body.model_dump()))


class NewStart(Body):
    """Another start, at most 30 days ahead."""

    scheduled_start: AwareDatetime


@router.post(
    "/v1/spaces/{space_id}/reschedule", operation_id="rescheduleSpace", tags=["spaces"],
    responses=responses(*COMMAND, *_ALL, "not_host", "not_scheduled"),
)  # fmt: skip
async def reschedule(space_id: SpacePath, body: NewStart, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """The host chooses another start."""
    return await commanded(gateway, Reschedule(**head(space_id, order), scheduled_start=body.scheduled_start))


class Somebody(Body):
    """Whom it is about."""

    person_id: PersonId


@router.post("/v1/spaces/{space_id}/hand-over", operation_id="handOver", tags=["spaces"], responses=_HOSTS)
async def hand_over(space_id: SpacePath, body: Somebody, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """The host leaves, and a co-host is the host from now on."""
    return await commanded(gateway, HandOver(**head(space_id, order), person_id=body.person_id))


@router.post(
    "/v1/spaces/{space_id}/removals", operation_id="removePerson",
    responses=responses(*COMMAND, "not_host", "not_allowed", "removed", "person_unknown", "not_live"),
)  # fmt: skip
async def remove(space_id: SpacePath, body: NewRemoval, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """Remove somebody for good."""
    command = RemovePerson(**head(space_id, order), person_id=body.person_id, explanation=body.reason)
    return await commanded(gateway, command)


# ---- requests and invitations --------------------------------------------------------------------------------


@router.post(
    "/v1/spaces/{space_id}/requests", status_code=202, operation_id="requestToSpeak",
    responses=responses(
        *COMMAND, "not_live", "removed", "blocked", "not_allowed", "person_unknown", "already_on_stage",
        "already_requested", "stage_full",
    ),
)  # fmt: skip
async def ask_to_speak(
    space_id: SpacePath, order: OrderDep, gateway: GatewayDep, body: NewRequest | None = None
) -> SpaceView:
    """Ask to speak."""
    asked = body or NewRequest()
    command = RequestToSpeak(
        **head(space_id, order), message=asked.message, consent_to_recording=asked.consent_to_recording
    )
    return await commanded(gateway, command)


class NewInvitation(Somebody):
    """Whom to invite: to speak, or only to join where only invited people can."""

    to: InvitedTo = InvitedTo.SPEAK


@router.post(
    "/v1/spaces/{space_id}/invitations", status_code=202, operation_id="invite",
    responses=responses(
        *COMMAND, *_ALL, "not_host", "not_allowed", "person_unknown", "not_live", "wrong_state", "already_on_stage",
        "stage_full",
    ),
)  # fmt: skip
async def invite(space_id: SpacePath, body: NewInvitation, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """Invite somebody."""
    return await commanded(gateway, Invite(**head(space_id, order), person_id=body.person_id, to=body.to))


class Acceptance(Body):
    """Coming on stage. Without consent one is heard live, and is in no recording and no transcript."""

    consent_to_recording: bool = True


@router.post("/v1/spaces/{space_id}/invitations/me/accept", operation_id="acceptInvitation", responses=_INVITED)
async def accept_invitation(
    space_id: SpacePath, order: OrderDep, gateway: GatewayDep, body: Acceptance | None = None
) -> SpaceView:
    """Come on stage."""
    consent = (body or Acceptance()).consent_to_recording
    return await commanded(gateway, AcceptInvitation(**head(space_id, order), consent_to_recording=consent))


# ---- on stage ---------------------------------------------------------------------------------------------------


class NewPin(Body):
    """A link and its preview text."""

    url: Link
    text: PreviewText = ""


@router.post(
    "/v1/spaces/{space_id}/pins", status_code=201, operation_id="pin",
    responses=responses(*COMMAND, *_ALL, "not_on_stage", "not_live", "too_many_pins"),
)  # fmt: skip
async def pin(space_id: SpacePath, body: NewPin, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """Pin a link for everybody; for people on stage."""
    command = PinLink(**head(space_id, order), pin_id=order.new(f"pin {space_id}"), url=body.url, text=body.text)
    return await commanded(gateway, command)


@router.delete(
    "/v1/spaces/{space_id}/pins/{pin_id}", operation_id="unpin",
    responses=responses(*COMMAND, *_ALL, "not_host", "pin_unknown", "not_live"),
)  # fmt: skip
async def unpin(space_id: SpacePath, pin_id: PinPath, order: OrderDep, gateway: GatewayDep) -> SpaceView:
    """Take a link away: one's own, or as a host any."""
    return await commanded(gateway, Unpin(**head(space_id, order), pin_id=pin_id))


@router.post(
    "/v1/spaces/{space_id}/reactions", status_code=202, operation_id="react",
    responses=responses(*COMMAND, "removed", "not_allowed", "not_in_space", "not_live"),
)  # fmt: skip
async def react(space_id: SpacePath, body: NewReaction, order: OrderDep, gateway: GatewayDep) -> None:
    """React."""
    command = React(**head(space_id, order), reaction=body.reaction, skin_tone=body.skin_tone)
    await gateway.ask(command)


# ---- asking -----------------------------------------------------------------------------------------------------


@router.get(
    "/v1/spaces/{space_id}/participants", operation_id="participants", tags=["spaces"],
    responses=responses("unauthenticated", *_ALL, "space_unknown", "not_live", "invalid"),
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


@router.get(
    "/v1/spaces/{space_id}/admission", operation_id="admission", tags=["spaces"],
    responses=responses("unauthenticated", *_ALL, "not_allowed", "space_unknown", "not_live", "invalid"),
)  # fmt: skip
async def admission(space_id: SpacePath, viewer: ViewerDep, gateway: GatewayDep) -> Grant:
    """Whether one may join, and whom on stage one has blocked, to be warned before joining."""
    query = AdmitQuery(space_id=space_id, actor=viewer.person_id, operator=viewer.operator)
    return await gateway.ask(query)


@router.get("/v1/topics", operation_id="topics", tags=["spaces"], responses=responses("invalid"))
async def topics(gateway: GatewayDep) -> Topics:
    """What a Space may be about."""
    return await gateway.ask(TopicsQuery())
