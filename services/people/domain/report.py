"""A report: a complaint about a person, a Space, or somebody in a Space."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from libs.eventstore import Aggregate, Fact, Meta, stored
from libs.keyring import Words
from libs.refusal import Refusal

Outcome = Literal["dismissed", "acted"]


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reference to what can be seen or heard."""

    kind: str
    space: str | None = None
    reference: str = ""
    from_seconds: float | None = None
    to_seconds: float | None = None


class Subject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is reported, as it was when it was."""

    person: str | None = None
    handle: Words = ""
    name: Words = ""
    space: str | None = None
    title: Words = ""
    host: str | None = None


@stored("people.reported")
class Filed(Fact):
    """Somebody complained."""

    reporter: str
    subject: Subject
    reason: str
    comment: Words = ""
    evidence: tuple[Evidence, ...] = ()


@stored("people.report_closed")
class Closed(Fact):
    """Operators have looked at it."""

    outcome: Outcome
    explanation: Words = ""


@stored("people.report_reopened")
class Reopened(Fact):
    """Operators look at it again."""

    explanation: Words = ""


class Report(Aggregate):
    """One report. Does not exist before `file`."""

    filed: Filed | None = None
    filed_at: datetime | None = None
    closed: Closed | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None

    # -- deciding ----------------------------------------------------------------------------------------------

    def file(self, filed: Filed) -> list[Fact]:
        """Complain. Not about oneself."""
        if self.filed is not None:
            raise Refusal("wrong_state", "This report was made already.")
        if filed.subject.person == filed.reporter:
            raise Refusal("not_allowed", "You cannot report yourself.")
        return [filed]

    def close(self, outcome: Outcome, explanation: Words) -> list[Fact]:
        """Say what becomes of it; saying the same again changes nothing."""
        self._must_exist()
        if self.closed is None:
            return [Closed(outcome=outcome, explanation=explanation)]
        if self.closed.outcome == outcome:
            return []
        raise Refusal("wrong_state", "This report is closed already; reopen it first.")

    def reopen(self, explanation: Words) -> list[Fact]:
        """Look at it again; nothing happens where it is open."""
        self._must_exist()
        return [] if self.closed is None else [Reopened(explanation=explanation)]

    def _must_exist(self) -> None:
        if self.filed is None:
            raise Refusal("report_unknown", "There is no such report.")

    # -- evolving ----------------------------------------------------------------------------------------------

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        match fact:
            case Filed():
                self.filed, self.filed_at = fact, meta.at
            case Closed():
                self.closed, self.closed_at, self.closed_by = fact, meta.at, meta.actor
            case Reopened():
                self.closed = self.closed_at = self.closed_by = None
            case _:
                pass
