"""The stage, where a request says all in its address: who acts, on which Space, on whom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Depends

from contracts.room.v1 import (
    AcceptRequest,
    AppointCohost,
    CancelRequest,
    DeclineInvitation,
    DeclineRequest,
    DismissCohost,
    LeaveStage,
    LowerHand,
    Mute,
    MuteAll,
    RaiseHand,
    ReadmitPerson,
    SpaceCommand,
    Unmute,
    WithdrawInvitation,
)
from services.gateway.app.views import SpaceView
from services.gateway.http.caller import GatewayDep, OrderDep
from services.gateway.http.people import PersonPath
from services.gateway.http.problems import json_only, responses
from services.gateway.http.spaces import COMMAND, SpacePath, commanded, head

router = APIRouter(tags=["stage"], dependencies=[Depends(json_only)])

_ALL: Final = ("removed", "blocked", "suspended")
_HOSTS: Final = ("not_host", "removed", "request_unknown", "stage_full", "not_live")
_STAGE: Final = ("not_host", "removed", "only_self", "not_on_stage", "not_live")
_COHOSTS: Final = (*_ALL, "not_host", "not_on_stage", "not_allowed", "not_live", "too_many_cohosts")


@dataclass(frozen=True, slots=True)
class _Act:
    """One route: what it is in the OpenAPI document, and the command it sends."""

    method: str
    path: str
    """Below the Space; with `{person_id}` the command is about somebody."""
    operation_id: str
    name: str
    says: str
    command: type[SpaceCommand]
    refusals: tuple[str, ...]
    """Reasons beside those of any command."""

    @property
    def endpoint(self) -> Callable[..., Awaitable[SpaceView]]:
        """What FastAPI calls; its parameters are those of the route."""

        async def on_space(space_id: SpacePath, order: OrderDep, gateway: GatewayDep) -> SpaceView:
            return await commanded(gateway, self.command(**head(space_id, order)))

        async def on_person(
            space_id: SpacePath, person_id: PersonPath, order: OrderDep, gateway: GatewayDep
        ) -> SpaceView:
            about: dict[str, Any] = {"person_id": person_id}
            return await commanded(gateway, self.command(**head(space_id, order), **about))

        return on_person if "{person_id}" in self.path else on_space


_ACTS: Final = (
    _Act("DELETE", "requests/me", "cancelRequest", "cancel_request", "Leave the queue.",
         CancelRequest, ("removed", "request_unknown", "not_live")),
    _Act("POST", "requests/{person_id}/accept", "acceptRequest", "accept", "Let somebody in.",
         AcceptRequest, _HOSTS),
    _Act("POST", "requests/{person_id}/decline", "declineRequest", "decline", "Say no.",
         DeclineRequest, _HOSTS),
    _Act("POST", "stage/{person_id}/mute", "mute", "mute", "Mute oneself, or as a host anybody.",
         Mute, _STAGE),
    _Act("POST", "stage/{person_id}/unmute", "unmute", "unmute", "Open one's own microphone.",
         Unmute, _STAGE),
    _Act("DELETE", "stage/{person_id}", "leaveStage", "leave_stage",
         "Step down, or as a host move somebody back to the listeners.",
         LeaveStage, _STAGE),
    _Act("POST", "mute-all", "muteAll", "mute_all", "A host mutes everybody else on stage.",
         MuteAll, (*_ALL, "not_host", "not_live")),
    _Act("PUT", "hands/me", "raiseHand", "raise_hand",
         "Raise a hand; it stays until it is lowered or one unmutes.",
         RaiseHand, (*_ALL, "not_on_stage", "not_live")),
    _Act("DELETE", "hands/{person_id}", "lowerHand", "lower_hand", "Lower one's hand, or as a host anybody's.",
         LowerHand, (*_ALL, "not_host", "not_on_stage", "not_live")),
    _Act("PUT", "cohosts/{person_id}", "appointCohost", "appoint_cohost",
         "The host makes somebody on stage a co-host.",
         AppointCohost, _COHOSTS),
    _Act("DELETE", "cohosts/{person_id}", "dismissCohost", "dismiss_cohost",
         "The host makes a co-host a speaker again.",
         DismissCohost, _COHOSTS),
    _Act("POST", "invitations/me/decline", "declineInvitation", "decline_invitation", "Say no.",
         DeclineInvitation, (*_ALL, "invitation_unknown", "not_live", "stage_full")),
    _Act("DELETE", "invitations/{person_id}", "withdrawInvitation", "withdraw_invitation",
         "Take an invitation to speak back.",
         WithdrawInvitation, (*_ALL, "not_host", "invitation_unknown")),
    _Act("DELETE", "removals/{person_id}", "readmitPerson", "readmit", "Undo a removal.",
         ReadmitPerson, (*_ALL, "not_host", "not_allowed", "not_live", "wrong_state")),
)  # fmt: skip

for _act in _ACTS:
    router.add_api_route(
        f"/v1/spaces/{{space_id}}/{_act.path}", _act.endpoint, methods=[_act.method], operation_id=_act.operation_id,
        name=_act.name, description=_act.says, responses=responses(*COMMAND, *_act.refusals),
    )  # fmt: skip
