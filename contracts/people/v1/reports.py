"""Complaints about people and Spaces, and what becomes of them."""

from __future__ import annotations

from typing import Annotated, Generic, Self

from pydantic import Field, StringConstraints, model_validator

from contracts.commands import Command, Query, R, register
from contracts.envelope import Audience, Event, Model, PersonId, PersonRef, SpaceId, event
from contracts.growing import Growing
from contracts.people.v1.hosting import Explanation
from contracts.times import Moment
from contracts.written import Written

Offence = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
"""A code of the instance's list of reasons, which is a setting of people."""
ReportId = Annotated[str, StringConstraints(pattern=r"^[0-9a-hjkmnp-tv-z]{26}$")]
Comment = Annotated[str, Written(0, 1000, lines=True)]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=120)]
"""Where a page of a list goes on."""


class EvidenceKind(Growing):
    """What a piece of evidence refers to."""

    MOMENT = "moment"
    """A stretch of a Space, in its safety copy: `space_id`, `from_seconds`, `to_seconds`."""
    CAPTION = "caption"
    """What was written down: `space_id`, `reference` is the caption's id."""
    PIN = "pin"
    """A pinned link: `space_id`, `reference` is the pin's id."""
    REQUEST = "request"
    """The message of a request to speak: `space_id`."""
    PROFILE = "profile"
    """What the person who is reported says of themself."""
    TITLE = "title"
    """The headline of a Space: `space_id`."""


class Evidence(Model):
    """Where what is reported can be seen or heard. What it refers to is copied as it is then (`LookAtCopy`), and the
    safety copy of its Space is kept longer while the report is open."""

    kind: EvidenceKind
    space_id: SpaceId | None = None
    reference: Annotated[str, StringConstraints(max_length=100)] = ""
    from_seconds: Annotated[float, Field(ge=0)] | None = None
    """Since the Space started."""
    to_seconds: Annotated[float, Field(ge=0)] | None = None


class ReportState(Growing):
    """What became of a report."""

    OPEN = "open"
    DISMISSED = "dismissed"
    ACTED = "acted"


class Report(Model):
    """A complaint about a person, a Space, or somebody in a Space, with what was true when it was made."""

    id: ReportId
    reporter_id: PersonId
    reporter: PersonRef | None = None
    """Who made it, as they are called now; nobody where they were erased."""
    at: Moment
    person_id: PersonId | None = None
    handle: str = ""
    """The person's handle and name when it was made."""
    name: str = ""
    person: PersonRef | None = None
    """The person as they are called now."""
    space_id: SpaceId | None = None
    title: str = ""
    """The Space's headline and host when it was made."""
    host_id: PersonId | None = None
    reason: str
    comment: str = ""
    evidence: tuple[Evidence, ...] = ()
    state: ReportState = ReportState.OPEN
    closed_at: Moment | None = None
    closed_by: PersonId | None = None
    explanation: str = ""


class ReportEvent(Event):
    """Belongs to a report."""

    report_id: ReportId
    version: int

    @property
    def key(self) -> str:
        return self.report_id


@event("people", "reported", Audience.OPERATORS)
class Reported(ReportEvent):
    """Somebody complained. Whoever keeps what `evidence` refers to keeps it until the report is closed."""

    reporter_id: PersonId
    person_id: PersonId | None = None
    space_id: SpaceId | None = None
    reason: str
    evidence: tuple[Evidence, ...] = ()


@event("people", "report_closed", Audience.OPERATORS)
class ReportClosed(ReportEvent):
    """Operators have looked at it."""

    outcome: ReportState


@event("people", "report_reopened", Audience.OPERATORS)
class ReportReopened(ReportEvent):
    """Operators look at it again."""


@register
class FileReport(Command[Report]):
    """The actor reports a person, a Space, or a person in a Space. `report_id` is chosen by the gateway.

    Refuses: person_unknown, suspended, space_unknown, not_allowed (oneself), invalid (a reason that is not on the
    list).
    """

    service = "people"
    name = "file_report"
    result = Report
    report_id: ReportId
    person_id: PersonId | None = None
    space_id: SpaceId | None = None
    reason: Offence
    comment: Comment = ""
    evidence: Annotated[tuple[Evidence, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _about_something(self) -> Self:
        if self.person_id is None and self.space_id is None:
            raise ValueError("a report is about a person or a Space")
        return self


@register
class CloseReport(Command[Report]):
    """Operators close a report as `dismissed` or `acted`. Refuses: not_allowed, report_unknown, wrong_state."""

    service = "people"
    name = "close_report"
    result = Report
    report_id: ReportId
    outcome: ReportState
    explanation: Explanation = ""

    @model_validator(mode="after")
    def _closes(self) -> Self:
        if self.outcome is ReportState.OPEN:
            raise ValueError("a closed report is dismissed or acted upon")
        return self


@register
class ReopenReport(Command[Report]):
    """Operators look at a report again. Refuses: not_allowed, report_unknown, wrong_state (what was reported is
    destroyed, since its time is over)."""

    service = "people"
    name = "reopen_report"
    result = Report
    report_id: ReportId
    explanation: Explanation = ""


class Reports(Model):
    """A page of reports, newest first."""

    reports: tuple[Report, ...] = ()
    next_cursor: str | None = None


class PagedQuery(Query[R], Generic[R]):
    """Asks for a page of a list. Refuses: invalid (a cursor of something else)."""

    service = "people"
    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@register
class ReportsQuery(PagedQuery[Reports]):
    """Reports for operators, newest first. Refuses: not_allowed, invalid (a cursor of something else)."""

    name = "reports"
    result = Reports
    state: ReportState | None = None
    person_id: PersonId | None = None
    space_id: SpaceId | None = None


class Offences(Model):
    """The reasons for which one may report and suspend here."""

    reasons: tuple[str, ...]


@register
class OffencesQuery(Query[Offences]):
    """What one may report here."""

    service = "people"
    name = "offences"
    result = Offences
