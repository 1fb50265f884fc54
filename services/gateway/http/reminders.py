"""Reminders of scheduled Spaces. That one is due is told in the events of one's live bar."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Depends

from contracts.people.v1 import ClearReminder, Reminders, RemindersQuery, SetReminder
from services.gateway.app.access import look
from services.gateway.http.caller import GatewayDep, HeadDep, PersonDep, ViewerDep, json_only
from services.gateway.http.parameters import SpacePath
from services.gateway.http.problems import OF_A_PEOPLE_COMMAND, responses

router = APIRouter(tags=["reminders"], dependencies=[Depends(json_only)])

_COMMAND: Final = responses(*OF_A_PEOPLE_COMMAND, "space_unknown", "not_scheduled")
_SET: Final = responses(*OF_A_PEOPLE_COMMAND, "space_unknown", "not_scheduled", "removed", "blocked", "not_allowed")


@router.put("/v1/spaces/{space_id}/reminder", status_code=204, operation_id="setReminder", responses=_SET)
async def set_reminder(space_id: SpacePath, head: HeadDep, viewer: ViewerDep, gateway: GatewayDep) -> None:
    """Be reminded of a scheduled Space that one may see; again is fine."""
    await look(gateway.bus, space_id, viewer, gateway.ask_seconds)
    await gateway.ask(SetReminder(**head.fields, space_id=space_id))


@router.delete("/v1/spaces/{space_id}/reminder", status_code=204, operation_id="clearReminder", responses=_COMMAND)
async def clear_reminder(space_id: SpacePath, head: HeadDep, gateway: GatewayDep) -> None:
    """Be reminded no longer; fine also where one was not to be."""
    await gateway.ask(ClearReminder(**head.fields, space_id=space_id))


@router.get("/v1/me/reminders", operation_id="getReminders", responses=responses("unauthenticated"))
async def reminders(person_id: PersonDep, gateway: GatewayDep) -> Reminders:
    """The scheduled Spaces one is reminded of, the next one first."""
    return await gateway.ask(RemindersQuery(actor=person_id))
