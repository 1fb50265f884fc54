"""Reminders of scheduled Spaces."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.commands import Command, Nothing, Query, register
from contracts.envelope import Audience, Model, SpaceId, event
from contracts.growing import Growing
from contracts.people.v1.profile import PersonEvent
from contracts.sealed import TITLE_REMOVED, TITLE_UNAVAILABLE, WordField
from contracts.times import Moment


class ReminderKind(Growing):
    """What somebody is reminded of."""

    SOON = "soon"
    """Their own Space starts in half an hour (a setting)."""
    START = "start"
    """It is time, or the Space has begun."""


class SpaceReminder(PersonEvent):
    """About somebody's reminder of a Space. `version` is that of the reminders of the Space."""

    space_id: SpaceId


@event("people", "reminder_set", Audience.OPERATORS)
class ReminderSet(SpaceReminder):
    """The person wants to be reminded."""


@event("people", "reminder_cleared", Audience.OPERATORS)
class ReminderCleared(SpaceReminder):
    """The person does not want to be reminded any more."""


@event(
    "people",
    "reminder_due",
    Audience.PERSON,
    concerns=("person_id",),
    words=(WordField("title", erased=TITLE_REMOVED, unopened=TITLE_UNAVAILABLE),),
)
class ReminderDue(SpaceReminder):
    """Somebody is reminded now: once of each kind and start."""

    kind: ReminderKind
    title: str
    scheduled_start: Moment


@register
class SetReminder(Command[Nothing]):
    """The actor wants to be reminded of a scheduled Space; again is accepted.

    Refuses: person_unknown, suspended, space_unknown, not_scheduled.
    """

    service = "people"
    name = "set_reminder"
    result = Nothing
    space_id: SpaceId


@register
class ClearReminder(Command[Nothing]):
    """The actor does not want to be reminded; accepted also where they did not."""

    service = "people"
    name = "clear_reminder"
    result = Nothing
    space_id: SpaceId


class Reminder(Model):
    """A Space that somebody is reminded of."""

    space_id: SpaceId
    title: str
    scheduled_start: Moment


class Reminders(Model):
    """Somebody's reminders of Spaces that are scheduled, the next one first."""

    reminders: tuple[Reminder, ...] = ()


@register
class RemindersQuery(Query[Reminders]):
    """The actor's reminders of Spaces still to come. Refuses: unauthenticated."""

    service = "people"
    name = "reminders"
    result = Reminders
    limit: Annotated[int, Field(ge=1, le=200)] = 100
