"""Reminders."""

from __future__ import annotations

from contracts.commands import Accepted, Nothing
from contracts.people import v1
from libs.bus import Handlers
from libs.commands import Executor, Rows
from services.people.app.reminders import Reminding
from services.people.domain.entities import Entity, stored_reminders
from services.people.domain.reminders import Reminders
from services.people.handlers.access import actor


def add(table: Handlers, executor: Executor[Entity], reminding: Reminding) -> None:
    """Answer for reminders."""

    @table.on(v1.SetReminder)
    async def set_reminder(command: v1.SetReminder) -> Accepted[Nothing]:
        version = await reminding.set(executor.order(command), actor(command), command.space_id)
        return Accepted(version=version, result=Nothing())

    Rows(table, executor).on(
        v1.ClearReminder,
        Reminders,
        lambda c: stored_reminders(c.space_id),
        lambda reminders, c: reminders.clear(actor(c)),
    )

    @table.on(v1.RemindersQuery)
    async def reminders(query: v1.RemindersQuery) -> Accepted[v1.Reminders]:
        found = await reminding.of(actor(query), query.limit)
        result = v1.Reminders(
            reminders=tuple(v1.Reminder(space_id=one.id, title=one.title, scheduled_start=one.start) for one in found)
        )
        return Accepted(result=result)
