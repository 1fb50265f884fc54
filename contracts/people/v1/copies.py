"""The sealed copy of what was reported, as it was at that moment: for operators alone, each look on the log."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from contracts.commands import Command, register
from contracts.envelope import Audience, Model, PersonId, PersonRef, SpaceId, event
from contracts.growing import Growing
from contracts.people.v1.reports import EvidenceKind, ReportEvent, ReportId
from contracts.times import Moment


class CopyState(Growing):
    """What became of one piece of a report."""

    AWAITED = "awaited"
    """Whoever has it could not be asked yet; it is asked for again."""
    KEPT = "kept"
    DELETED = "deleted"
    """It was deleted, or there was no such thing, when it was asked for."""
    UNSEEN = "unseen"
    """Who reported it could not see it."""
    GIVEN_UP = "given_up"
    """Whoever has it could not be asked for a day."""
    DESTROYED = "destroyed"
    """The report was closed for as long as such copies are kept."""


class CopiedCaption(Model):
    """What somebody said, in words."""

    id: str
    person_id: PersonId
    text: str
    start_at: Moment
    end_at: Moment


class CopiedPin(Model):
    """A pinned link."""

    person_id: PersonId
    url: str
    text: str = ""


class CopiedProfile(Model):
    """What somebody said of themself."""

    handle: str
    name: str
    bio: str = ""
    links: tuple[str, ...] = ()


class CopiedPiece(Model):
    """One thing that was reported: a piece of evidence, or the Space's headline or the person's profile, which are
    copied with each report of them."""

    number: Annotated[int, Field(ge=0)]
    """Its place among the evidence; what is copied besides follows."""
    kind: EvidenceKind
    space_id: SpaceId | None = None
    reference: str = ""
    state: CopyState
    at: Moment | None = None
    """When it was copied."""
    title: str = ""
    captions: tuple[CopiedCaption, ...] = ()
    """The caption, which `reference` names, and one on each side of it."""
    pin: CopiedPin | None = None
    message: str = ""
    profile: CopiedProfile | None = None
    sound_since: Moment | None = None
    """The stretch of the Space whose sound belongs to it, where it was captured; recording knows what there is."""
    sound_until: Moment | None = None


class ReportedCopy(Model):
    """All that was copied for a report."""

    report_id: ReportId
    pieces: tuple[CopiedPiece, ...] = ()
    people: tuple[PersonRef, ...] = ()
    """Whoever it names by their id, as they are called now; who was erased is left out."""
    destroyed_at: Moment | None = None


@event("people", "report_copied", Audience.OPERATORS)
class ReportCopied(ReportEvent):
    """Whoever has sound of this stretch of a Space keeps it for the report, under the report's key."""

    piece: Annotated[int, Field(ge=0)]
    space_id: SpaceId
    sound_since: Moment
    sound_until: Moment


@register
class LookAtCopy(Command[ReportedCopy]):
    """An operator reads what was reported, or (`piece`) listens to it; it is put on the log.

    Refuses: unauthenticated, not_allowed, report_unknown.
    """

    service = "people"
    name = "look_at_copy"
    result = ReportedCopy
    report_id: ReportId
    piece: Annotated[int, Field(ge=0)] | None = None
