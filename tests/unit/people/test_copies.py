"""Which pieces a report has, what becomes of them, and which sound belongs to them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from libs.eventstore import Fact, Meta
from libs.refusal import Refusal
from services.people.domain.copies import (
    AROUND,
    LONGEST,
    SOUNDS,
    Copied,
    CopyDestroyed,
    CopyMissing,
    CopySeen,
    around,
)
from services.people.domain.report import Closed, Evidence, Filed, Report, Subject

BEGAN = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
NOW = BEGAN + timedelta(hours=1)


def after(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("since", "until", "kept"),
    [
        (100, 105, (90, 115)),  # ten seconds on each side
        (100, 100, (90, 110)),
        (5, 6, (0, 16)),  # nothing before it began
        (3595, 3600, (3585, 3600)),  # nor after the report
        (3540, 4000, (3530, 3600)),
        (1000, 1300, (1090, 1210)),  # two minutes at most, of its middle
        (0, 3600, (1740, 1860)),
        (3600, 3600, (3590, 3600)),
        (4000, 4100, None),
    ],
)
def test_sound_is_kept_around_what_is_named_two_minutes_at_most(
    since: float, until: float, kept: tuple[float, float] | None
) -> None:
    found = around("s", after(since), after(until), began=BEGAN, now=NOW)
    assert (None if found is None else (found.since, found.until)) == (
        None if kept is None else (after(kept[0]), after(kept[1]))
    )
    assert found is None or found.until - found.since <= LONGEST
    assert timedelta(0) < 2 * AROUND < LONGEST


def filed(*kinds: str, copied: bool = True, person: str | None = "p", space: str | None = "s") -> Filed:
    evidence = tuple(Evidence(kind=kind, space="s") for kind in kinds)
    subject = Subject(person=person, space=space)
    return Filed(reporter="r", subject=subject, reason="hate", evidence=evidence, copied=copied)


def test_headline_and_profile_are_copied_with_each_report_of_them() -> None:
    assert [one.kind for one in filed("pin").pieces] == ["pin", "title", "profile"]
    assert [one.kind for one in filed("profile", "title").pieces] == ["profile", "title"]
    assert [one.kind for one in filed(person=None).pieces] == ["title"]
    assert filed("pin", copied=False).pieces == (), "earlier versions kept references alone"


def test_sound_is_kept_of_the_first_pieces_of_a_report_only() -> None:
    made = filed("pin", *["moment"] * 10)
    assert [number for number in range(12) if made.has_sound(number)] == list(range(1, 1 + SOUNDS))


def report(*facts: Fact) -> Report:
    made = Report("report-r")
    for version, fact in enumerate(facts, 1):
        made.version = version
        made.apply(fact, Meta(at=NOW))
    return made


def test_a_piece_is_settled_once_and_none_after_the_copy_is_destroyed() -> None:
    pin, gone = Copied(piece=0), CopyMissing(piece=1, why="deleted")
    begun = report(filed("pin", person=None), pin)
    assert begun.awaited == [1]
    assert begun.keep([CopyMissing(piece=0, why="deleted"), gone, Copied(piece=7)]) == [gone]
    assert report(filed("pin"), CopyDestroyed()).keep([pin]) == []


def test_looks_are_noted_while_there_is_something_to_see_and_what_is_destroyed_is_not_reopened() -> None:
    closed = report(filed(), Closed(outcome="dismissed"))
    assert closed.look(2) == [CopySeen(piece=2)]
    assert closed.look(None) == [CopySeen()]
    assert closed.destroy() == [CopyDestroyed()]
    destroyed = report(filed(), Closed(outcome="dismissed"), CopyDestroyed())
    assert destroyed.look(None) == destroyed.destroy() == []
    with pytest.raises(Refusal, match="wrong_state"):
        destroyed.reopen("")
    with pytest.raises(Refusal, match="report_unknown"):
        Report("report-x").look(None)
