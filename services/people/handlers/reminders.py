"""Reminders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from contracts.commands import Accepted, Nothing
from contracts.people import v1
from libs.bus import Handlers
from services.people.app import Reminding
from services.people.handlers.order import actor, whole


def add(table: Handlers, reminding: Reminding, now: Callable[[], datetime]) -> None:
    """Answer for reminders."""

    @table.on(v1.SetReminder)
    async def set_reminder(command: v1.SetReminder) -> Accepted[Nothing]:
        version = await reminding.set(whole(command, now()), actor(command), command.space_id)
        return Accepted(version=version, result=Nothing())

    @table.on(v1.ClearReminder)
    async def clear_reminder(command: v1.ClearReminder) -> Accepted[Nothing]:
        version = await reminding.clear(whole(command, now()), actor(command), command.space_id)
        return Accepted(version=version, result=Nothing())

    @table.on(v1.RemindersQuery)
    async def reminders(query: v1.RemindersQuery) -> Accepted[v1.Reminders]:
        found = await reminding.of(actor(query), query.limit)
        result = v1.Reminders(
            reminders=tuple(v1.Reminder(space_id=one.id, title=one.title, scheduled_start=one.start) for one in found)
        )
        return Accepted(result=result)
