"""What people holds of a person, and who had a copy of it made."""

from __future__ import annotations

from contracts import personal_data
from contracts.commands import Command, Nothing, register
from contracts.envelope import PersonId

__all__ = ["HeldQuery", "NoteExport"]


@register
class HeldQuery(personal_data.HeldQuery):
    """What people holds of a person: their profile and account, whom they follow and block, what they reported. See
    `contracts.personal_data`. Refuses also: person_unknown."""

    service = "people"


@register
class NoteExport(Command[Nothing]):
    """An operator has a copy of a person's data made, which the log says from now on.

    Refuses: unauthenticated, not_allowed, person_unknown.
    """

    service = "people"
    name = "note_export"
    result = Nothing
    person_id: PersonId
