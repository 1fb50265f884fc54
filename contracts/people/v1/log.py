"""The log of moderation: who did what to whom, when and why, and taking it back."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from contracts.commands import ApiKeyId, Command, Nothing, register
from contracts.envelope import Model, PersonId, PersonRef, SpaceId
from contracts.people.v1.hosting import Explanation
from contracts.people.v1.reports import PagedQuery, ReportId
from contracts.times import Moment

EntryId = Annotated[str, StringConstraints(pattern=r"^[0-9a-z-]{1,60}$")]


class LogEntry(Model):
    """One moderation act, of operators or of the hosts of a Space: who, what, when, why."""

    id: EntryId
    at: Moment
    actor_id: PersonId | None = None
    """None for the system, and for a server of the host product."""
    act: str
    """What was done, e.g. `suspended`, `report_closed`, `removed`, `ended`."""
    person_id: PersonId | None = None
    """To whom."""
    space_id: SpaceId | None = None
    """Where, or to what."""
    reason: str = ""
    explanation: str = ""
    report_id: ReportId | None = None
    undoable: bool = False
    """Whether `undo` takes it back."""
    undone_by: EntryId | None = None
    actor: PersonRef | None = None
    """Who did it, as they are called now; None for the system and for who has no profile."""
    person: PersonRef | None = None
    """To whom, as they are called now."""
    title: str = ""
    """The Space's headline now."""
    what: str = ""
    """What was changed, from `before` to `after`, in words; empty where nothing was that stays."""
    before: str = ""
    after: str = ""
    api_key: ApiKeyId | None = None
    """The API key with which a server of the host product did it."""
    api_key_name: str = ""
    """What operators called that key."""


class LogPage(Model):
    """A page of the log, newest first."""

    entries: tuple[LogEntry, ...] = ()
    next_cursor: str | None = None


@register
class LogQuery(PagedQuery[LogPage]):
    """The moderation log, newest first: for operators, and for a host what was done in their Space (`space_id`).

    Refuses: not_allowed, invalid (a cursor of something else).
    """

    name = "log"
    result = LogPage
    person_id: PersonId | None = None
    """Acts by or about this person."""
    space_id: SpaceId | None = None


@register
class UndoAct(Command[Nothing]):
    """Operators take an act back. Refuses: not_allowed, entry_unknown, wrong_state (nothing to undo, or undone)."""

    service = "people"
    name = "undo_act"
    result = Nothing
    entry_id: EntryId
    explanation: Explanation = ""
