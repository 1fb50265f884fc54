"""What people holds of a person, and who had a copy of it made."""

from __future__ import annotations

from contracts.commands import Accepted, Nothing
from contracts.people import v1
from libs.bus import Handlers
from libs.commands import Executor, of_kind
from libs.personal_data import Held
from services.people.app.people import People
from services.people.domain.entities import INSTANCE, Entity
from services.people.domain.instance import Instance
from services.people.handlers.access import operators_only


def add(table: Handlers, executor: Executor[Entity], people: People, held: Held) -> None:
    """Answer for copies of somebody's data."""

    table.add(v1.HeldQuery, held.page)

    @table.on(v1.NoteExport)
    async def note_export(command: v1.NoteExport) -> Accepted[Nothing]:
        operators_only(command)
        await people.profile(command.person_id)
        decide = of_kind(Instance, lambda instance: instance.export(command.person_id))
        await executor.execute(executor.order(command), INSTANCE, decide)
        return Accepted(result=Nothing())
