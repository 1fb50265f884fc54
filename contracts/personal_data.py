"""What a service holds of one person: asked page by page, for the copy of their data that the person can have.

Each service that keeps something of people answers a `held` query of its own context. A record is what the service
knows, in words of its contracts, with what the person wrote opened. It never has what others wrote for somebody else's
eyes, nor what operators or other people keep from the person: who reported or blocked them.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue, StringConstraints

from contracts.commands import Query
from contracts.envelope import Model, PersonId
from contracts.times import Moment


class HeldFile(Model):
    """A stored object that belongs to a record."""

    path: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,80}(/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,120}){0,3}$")]
    """Where it stands in an archive."""
    object: str
    """Name in the object store; see `contracts.object_names`."""
    bytes: int = Field(default=0, ge=0)
    """About how many."""


class HeldRecord(Model):
    """One thing that a service knows of a person."""

    subject: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,39}$")]
    """What it is about: records of one subject come one after another."""
    at: Moment | None = None
    """When it happened; None for what holds now."""
    fields: dict[str, JsonValue]
    file: HeldFile | None = None


class HeldPage(Model):
    """Some of what a service holds of a person."""

    records: tuple[HeldRecord, ...] = ()
    """There may be none while there is a next page."""
    next: str | None = None
    """`after` of the next page; None where there is none."""


class HeldQuery(Query[HeldPage]):
    """What a service holds of a person, in the same order each time; for that person, and for operators.

    Refuses: unauthenticated, not_allowed (somebody else's), invalid (`after` is of no page), unavailable.
    """

    name = "held"
    result = HeldPage
    person_id: PersonId
    after: Annotated[str, StringConstraints(max_length=300)] = ""
