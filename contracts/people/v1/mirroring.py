"""People of the host product, and who follows and blocks whom there, as its servers tell it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contracts.commands import Command, Query, register
from contracts.envelope import Model, PersonId
from contracts.people.v1.identity import IssuerName, IssuerSubject, WantedHandle
from contracts.people.v1.profile import DisplayName


class ToldPerson(Model):
    """Somebody as their product tells of them; what is None is not said."""

    subject: IssuerSubject
    name: DisplayName | None = None
    handle: WantedHandle | None = None
    protected: bool | None = None


class MirroredPerson(Model):
    """Who somebody is here, or why nothing was taken over."""

    subject: str
    person_id: PersonId | None = None
    reason: str | None = None
    detail: str | None = None


class MirroredPeople(Model):
    """In the order in which they were told of."""

    people: tuple[MirroredPerson, ...]


@register
class UpsertPeople(Command[MirroredPeople]):
    """A product tells who there is: whoever is new is registered, and of others what is said differently than before is
    taken over. Whoever was erased begins anew. Sent again, it changes nothing. Refuses: not_allowed."""

    service = "people"
    name = "upsert_people"
    result = MirroredPeople
    issuer: IssuerName
    people: Annotated[tuple[ToldPerson, ...], Field(min_length=1, max_length=200)]


class Relation(Model):
    """One person does something to another."""

    subject: IssuerSubject
    does: Literal["follow", "unfollow", "block", "unblock"]
    whom: IssuerSubject


class RefusedRelation(Model):
    """A change that was not made."""

    index: int
    """Its place, from 0."""
    reason: str
    detail: str


class RelationsChanged(Model):
    """What became of some changes."""

    refused: tuple[RefusedRelation, ...] = ()


@register
class ChangeRelations(Command[RelationsChanged]):
    """A product tells who follows and blocks whom from now on, in this order. Sent again, it changes nothing.

    Each may be refused: person_unknown, not_allowed (oneself; a block either way; too many), suspended. Refuses:
    not_allowed.
    """

    service = "people"
    name = "change_relations"
    result = RelationsChanged
    issuer: IssuerName
    changes: Annotated[tuple[Relation, ...], Field(min_length=1, max_length=1000)]


class PersonAtIssuer(Model):
    """Somebody as the product knows them, and as they are called here."""

    person_id: PersonId
    subject: str | None = None
    """None where the issuer does not know them."""
    handle: str = ""
    name: str = ""
    """Empty of who was erased."""


class PeopleAtIssuer(Model):
    """In the order in which they were asked for; nobody who is not known."""

    people: tuple[PersonAtIssuer, ...] = ()


@register
class SubjectsQuery(Query[PeopleAtIssuer]):
    """Whom an issuer means by which subject, given their ids here; for services and operators. Refuses: not_allowed,
    unavailable."""

    service = "people"
    name = "subjects"
    result = PeopleAtIssuer
    issuer: IssuerName | None = None
    person_ids: Annotated[tuple[PersonId, ...], Field(min_length=1, max_length=200)]
