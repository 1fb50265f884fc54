"""A report: a complaint about a person, a Space, or somebody in a Space."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from libs.eventstore import Aggregate, Fact, Meta, stored
from libs.keyring import Words
from libs.refusal import Refusal
from services.people.domain.copies import SOUNDS, Copied, CopyDestroyed, CopyMissing, CopySeen, Why

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
    copied: bool = False
    """Whether what was reported is copied; earlier versions kept references alone."""

    @property
    def pieces(self) -> tuple[Evidence, ...]:
        """All that is copied, by its number: the evidence, and the Space's headline and the person's profile besides,
        where they are not among it."""
        kinds = {(one.kind, one.space) for one in self.evidence}
        person, space = self.subject.person, self.subject.space
        besides = []
        if space is not None and ("title", space) not in kinds:
            besides.append(Evidence(kind="title", space=space))
        if person is not None and not any(kind == "profile" for kind, _ in kinds):
            besides.append(Evidence(kind="profile"))
        return (*self.evidence, *besides) if self.copied else ()

    def has_sound(self, number: int) -> bool:
        """Whether the sound of a piece is kept, where there is some: of the first of them."""
        spoken = [n for n, one in enumerate(self.pieces) if one.kind in ("caption", "moment")]
        return number in spoken[:SOUNDS]


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
    copies: dict[int, Copied] = msgspec.field(default_factory=dict)
    """Pieces that are kept, by their numbers."""
    missing: dict[int, Why] = msgspec.field(default_factory=dict)
    """Why others are not to be had; what is in neither is asked for again."""
    copied_at: dict[int, datetime] = msgspec.field(default_factory=dict)
    destroyed_at: datetime | None = None

    # -- deciding ----------------------------------------------------------------------------------------------

    def file(self, filed: Filed, copies: Sequence[Fact] = ()) -> list[Fact]:
        """Complain, with what could be copied at once. Not about oneself."""
        if self.filed is not None:
            raise Refusal("wrong_state", "This report was made already.")
        if filed.subject.person == filed.reporter:
            raise Refusal("not_allowed", "You cannot report yourself.")
        return [filed, *copies]

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
        if self.destroyed_at is not None:
            raise Refusal("wrong_state", "What was reported is destroyed, since its time is over.")
        return [] if self.closed is None else [Reopened(explanation=explanation)]

    def keep(self, copies: Iterable[Fact]) -> list[Fact]:
        """Take in copies of pieces that were awaited; others change nothing."""
        awaited = [copy for copy in copies if isinstance(copy, Copied | CopyMissing) and copy.piece in self.awaited]
        return list(awaited)

    def look(self, piece: int | None) -> list[Fact]:
        """An operator reads what was reported, or listens to a piece; where it is destroyed there is nothing to see."""
        self._must_exist()
        return [] if self.destroyed_at is not None else [CopySeen(piece=piece)]

    def destroy(self) -> list[Fact]:
        """The key of the report is destroyed; again changes nothing."""
        self._must_exist()
        return [] if self.destroyed_at is not None else [CopyDestroyed()]

    @property
    def awaited(self) -> list[int]:
        """The numbers of the pieces that are still to be had."""
        if self.filed is None or self.destroyed_at is not None:
            return []
        known = self.copies.keys() | self.missing.keys()
        return [number for number in range(len(self.filed.pieces)) if number not in known]

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
            case Copied(piece=piece):
                self.copies, self.copied_at = {**self.copies, piece: fact}, {**self.copied_at, piece: meta.at}
            case CopyMissing(piece=piece, why=why):
                self.missing, self.copied_at = {**self.missing, piece: why}, {**self.copied_at, piece: meta.at}
            case CopyDestroyed():
                self.destroyed_at = meta.at
            case _:
                pass
