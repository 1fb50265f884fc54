"""Erasing people for ever."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from contracts.commands import Command, Query, register
from contracts.envelope import Audience, Model, PersonId, event
from contracts.people.v1.profile import Person, PersonEvent
from contracts.times import Moment

Confirmation = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^@?[0-9A-Za-z_]{1,40}$")]
"""The account's id or its handle, typed by whoever erases it."""


@event("people", "erased", Audience.OPERATORS, Audience.SERVERS)
class Erased(PersonEvent):
    """The person is erased: from now on they are refused everywhere, for ever, and nobody is shown what they wrote.

    `Forgotten` follows when no process has their keys any more.
    """


class Erasure(Model):
    """How far somebody's erasure is."""

    person_id: PersonId
    erased_at: Moment
    """Since when they are refused everywhere and shown to nobody."""
    forgotten_at: Moment | None = None
    """Since when nobody can read what they wrote or hear what they said; None while some process may have a key."""
    handle_free_at: Moment | None = None
    """When others may take their handle; None where they may."""


@register
class ErasePerson(Command[Erasure]):
    """The person, or an operator, erases an account for ever. Erased once, it stays so, and this is accepted again.

    Refuses: not_allowed (somebody else's), person_unknown, invalid (the confirmation is neither its id nor its handle),
    unavailable.
    """

    service = "people"
    name = "erase_person"
    result = Erasure
    person_id: PersonId
    confirmation: Confirmation


@register
class ErasureQuery(Query[Erasure]):
    """How far an erasure is, for operators. Refuses: not_allowed, person_unknown (nobody of this id was erased)."""

    service = "people"
    name = "erasure"
    result = Erasure
    person_id: PersonId


@register
class HandleQuery(Query[Person]):
    """Whose handle it is, ignoring case, for operators. Refuses: not_allowed, person_unknown."""

    service = "people"
    name = "handle"
    result = Person
    handle: Annotated[str, StringConstraints(pattern=r"^@?[A-Za-z0-9_]{1,15}$")]
