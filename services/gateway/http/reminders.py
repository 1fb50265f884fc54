"""Reminders of scheduled Spaces. That one is due is told in the events of one's live bar."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from contracts.people.v1 import ClearReminder, Reminders, RemindersQuery, SetReminder
from services.gateway.http.caller import GatewayDep, OrderDep, PersonDep
from services.gateway.http.problems import json_only, responses
from services.gateway.http.spaces import SpacePath

router = APIRouter(tags=["reminders"], dependencies=[Depends(json_only)])

_COMMAND = responses(
    "unauthenticated", "suspended", "person_unknown", "space_unknown", "not_scheduled", "idempotency_conflict",
    "invalid", "too_many_requests",
)  # fmt: skip


@router.put("/v1/spaces/{space_id}/reminder", status_code=204, operation_id="setReminder", responses=_COMMAND)
async def set_reminder(space_id: SpacePath, order: OrderDep, gateway: GatewayDep) -> None:
    """Be reminded of a scheduled Space; again is fine."""
    command = SetReminder(command_id=order.command_id, actor=order.actor, space_id=space_id)
    await gateway.ask(command)


@router.delete("/v1/spaces/{space_id}/reminder", status_code=204, operation_id="clearReminder", responses=_COMMAND)
async def clear_reminder(space_id: SpacePath, order: OrderDep, gateway: GatewayDep) -> None:
    """Be reminded no longer; fine also where one was not to be."""
    command = ClearReminder(command_id=order.command_id, actor=order.actor, space_id=space_id)
    await gateway.ask(command)


@router.get("/v1/me/reminders", operation_id="getReminders", responses=responses("unauthenticated"))
async def reminders(person_id: PersonDep, gateway: GatewayDep) -> Reminders:
    """The scheduled Spaces one is reminded of, the next one first."""
    return await gateway.ask(RemindersQuery(actor=person_id))
