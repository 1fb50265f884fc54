"""Reminders reach whoever they are for, in the events of their live bar, also when they were away for a moment."""

from __future__ import annotations

from datetime import UTC, datetime

from contracts.commands import Nothing
from contracts.people.v1 import ReminderDue, ReminderKind, SetReminder
from contracts.room.v1 import State
from libs.ids import new_id
from tests.integration.gateway.backend import Backend, a_person
from tests.integration.gateway.conftest import Running


def due(person_id: str, kind: ReminderKind) -> ReminderDue:
    now = datetime.now(UTC)
    return ReminderDue(
        at=now, person_id=person_id, version=1, space_id=new_id(), kind=kind, title="Tea", scheduled_start=now
    )


async def test_one_is_reminded_as_it_happens_and_of_what_one_missed(gateway: Running, behind: Backend) -> None:
    ann, bob = new_id(), new_id()
    async with gateway.client(ann) as client:
        async with client.events("/v1/live-bar/events") as events:
            await events.until("snapshot")
            await behind.emit(due(bob, ReminderKind.SOON))
            await behind.emit(due(ann, ReminderKind.SOON))
            told = await events.next()
            assert (told.event, told.data["person_id"], told.data["kind"]) == ("people.reminder_due", ann, "soon")
        await behind.emit(due(bob, ReminderKind.START))
        await behind.emit(due(ann, ReminderKind.START))
        async with client.events("/v1/live-bar/events", told.id) as events:
            told = await events.next()
            assert (told.data["person_id"], told.data["kind"]) == (ann, "start")


async def test_a_reminder_is_asked_for(gateway: Running, behind: Backend) -> None:
    async def accept(command: SetReminder) -> Nothing:
        return Nothing()

    behind.on(SetReminder, accept)
    ann, space = new_id(), behind.add(a_person("Host"), state=State.SCHEDULED).id
    async with gateway.client(ann) as client:
        assert (await client.http.put(f"/v1/spaces/{new_id()}/reminder")).status_code == 404
        assert (await client.http.put(f"/v1/spaces/{space}/reminder")).status_code == 204
    (command,) = behind.asked[SetReminder.name]
    assert isinstance(command, SetReminder)
    assert (command.actor, command.space_id) == (ann, space)
