"""The sealed copies of what was reported, for operators."""

from __future__ import annotations

from typing import Any

from contracts.commands import Accepted
from contracts.people import v1
from libs.bus import Handlers
from libs.commands import Executor
from services.people.app.moderation import Moderators
from services.people.domain.copies import Copy
from services.people.domain.entities import Entity
from services.people.domain.report import Report
from services.people.handlers.access import operators_only
from services.people.handlers.moderation import ref_of


def add(table: Handlers, executor: Executor[Entity], moderators: Moderators) -> None:
    """Answer for what was reported."""

    @table.on(v1.LookAtCopy)
    async def look(command: v1.LookAtCopy) -> Accepted[v1.ReportedCopy]:
        operators_only(command)
        report = await moderators.look(executor.order(command), command.report_id, command.piece)
        pieces = tuple(_pieces(command.report_id, report, moderators))
        people = [ref for id in sorted(_ids(pieces)) if (ref := await ref_of(id, moderators)) is not None]
        return Accepted(
            version=report.version,
            result=v1.ReportedCopy(
                report_id=command.report_id, pieces=pieces, people=tuple(people), destroyed_at=report.destroyed_at
            ),
        )


def _pieces(report_id: str, report: Report, moderators: Moderators) -> list[v1.CopiedPiece]:
    found = []
    for number, evidence in enumerate(report.filed.pieces if report.filed is not None else ()):
        kept, why = report.copies.get(number), report.missing.get(number)
        stretch = words = None
        if report.destroyed_at is not None:
            state = v1.CopyState.DESTROYED
        elif kept is not None:
            state, stretch, words = v1.CopyState.KEPT, kept.stretch, moderators.read_copy(report_id, kept.words)
        else:
            state = v1.CopyState.AWAITED if why is None else v1.CopyState(why)
        found.append(
            v1.CopiedPiece(
                number=number,
                kind=v1.EvidenceKind(evidence.kind),
                space_id=evidence.space,
                reference=evidence.reference,
                state=state,
                at=report.copied_at.get(number),
                sound_since=None if stretch is None else stretch.since,
                sound_until=None if stretch is None else stretch.until,
                **_said(words or Copy()),
            )
        )
    return found


def _said(copy: Copy) -> dict[str, Any]:
    pin, profile = copy.pin, copy.profile
    return {
        "title": copy.title,
        "captions": tuple(
            v1.CopiedCaption(id=one.id, person_id=one.person, text=one.text, start_at=one.start, end_at=one.end)
            for one in copy.captions
        ),
        "pin": None if pin is None else v1.CopiedPin(person_id=pin.person, url=pin.url, text=pin.text),
        "message": copy.message,
        "profile": None
        if profile is None
        else v1.CopiedProfile(handle=profile.handle, name=profile.name, bio=profile.bio, links=profile.links),
    }


def _ids(pieces: tuple[v1.CopiedPiece, ...]) -> set[str]:
    """Whoever is named in these by their id."""
    pins = {piece.pin.person_id for piece in pieces if piece.pin is not None}
    return pins | {caption.person_id for piece in pieces for caption in piece.captions}
