"""Tips. No money passes through; the payer gets a link."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from contracts.tipping.v1 import ConfirmTip, OfferTip, OpenTip, Tip, TipId, Tips, TipsQuery
from services.gateway.app.access import look_inside
from services.gateway.http.caller import GatewayDep, OrderDep, PersonDep, ViewerDep
from services.gateway.http.models import NewTip
from services.gateway.http.problems import json_only, responses
from services.gateway.http.spaces import COMMAND, SpacePath

router = APIRouter(tags=["tips"], dependencies=[Depends(json_only)])

TipPath = Annotated[TipId, Path(description="Id of a tip")]


@router.post(
    "/v1/spaces/{space_id}/tips", status_code=201, operation_id="offerTip",
    responses=responses(
        *COMMAND, "tip_jar_closed", "not_live", "not_on_stage", "not_allowed", "blocked", "removed",
        "person_unknown",
    ),
)  # fmt: skip
async def offer(space_id: SpacePath, body: NewTip, order: OrderDep, viewer: ViewerDep, gateway: GatewayDep) -> Tip:
    """Tip the host or a speaker."""
    await look_inside(
        gateway.bus, space_id, viewer, gateway.ask_seconds
    )  # room knows who was removed; tipping does not
    command = OfferTip(
        command_id=order.command_id,
        actor=order.actor,
        tip_id=order.new("tip"),
        space_id=space_id,
        recipient=body.to,
        provider=body.provider,
        amount_minor=body.amount_minor,
        currency=body.currency,
        note=body.note,
    )
    return await gateway.ask(command)


@router.get(
    "/v1/spaces/{space_id}/tips",
    operation_id="getTips",
    responses=responses("unauthenticated", "removed", "blocked", "not_allowed", "space_unknown"),
)
async def tips(space_id: SpacePath, person_id: PersonDep, viewer: ViewerDep, gateway: GatewayDep) -> Tips:
    """The tips of a Space that one gave or was offered."""
    await look_inside(gateway.bus, space_id, viewer, gateway.ask_seconds)
    return await gateway.ask(TipsQuery(space_id=space_id, actor=person_id))


_TIP = responses(
    "unauthenticated", "not_yours", "tip_unknown", "wrong_state", "idempotency_conflict", "invalid",
    "too_many_requests",
)  # fmt: skip


@router.post("/v1/tips/{tip_id}/opened", operation_id="openTip", responses=_TIP)
async def opened(tip_id: TipPath, order: OrderDep, gateway: GatewayDep) -> Tip:
    """The payer followed the link."""
    command = OpenTip(command_id=order.command_id, actor=order.actor, tip_id=tip_id)
    return await gateway.ask(command)


@router.post("/v1/tips/{tip_id}/confirmed", operation_id="confirmTip", responses=_TIP)
async def confirmed(tip_id: TipPath, order: OrderDep, gateway: GatewayDep) -> Tip:
    """The recipient says that it arrived."""
    command = ConfirmTip(command_id=order.command_id, actor=order.actor, tip_id=tip_id)
    return await gateway.ask(command)
