"""What a recording keeps for reports."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from libs.eventstore import Fact, Meta
from services.recording.domain.recording import Recording
from services.recording.domain.sounds import MOST, SoundKept, SoundMissing, SoundsRemoved, SoundWanted

AT = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
UNTIL = AT + timedelta(seconds=20)


def wanted(report: str = "r", piece: int = 0) -> SoundWanted:
    return SoundWanted(report=report, piece=piece, since=AT, until=UNTIL)


def kept(report: str = "r", piece: int = 0) -> SoundKept:
    return SoundKept(report=report, piece=piece, object="o", began_at=AT, seconds=20, people=("p",))


def recording(*facts: Fact) -> Recording:
    made = Recording("s")
    for version, fact in enumerate(facts, 1):
        made.version = version
        made.apply(fact, Meta(at=AT))
    return made


def test_sound_is_wanted_once_and_settled_once_also_of_a_space_that_is_not_recorded() -> None:
    nothing = recording()
    assert nothing.want_sound("r", 0, AT, UNTIL) == [wanted()]
    assert nothing.settle_sound(kept()) == [], "nobody wanted it"
    assert recording(wanted()).want_sound("r", 0, AT, UNTIL) == []
    assert recording(wanted()).want_sound("r", 1, AT, UNTIL) == [wanted(piece=1)]
    assert recording(wanted()).settle_sound(kept()) == [kept()]
    missing = SoundMissing(report="r", piece=0, why="none")
    assert recording(wanted(), kept()).settle_sound(missing) == []
    (sound,) = recording(wanted(), missing).sounds.values()
    assert (sound.state, sound.object) == ("none", None)
    (sound,) = recording(wanted(), kept()).sounds.values()
    assert (sound.state, sound.object, sound.people) == ("kept", "o", ("p",))


def test_nothing_is_kept_for_a_report_whose_key_is_destroyed() -> None:
    both = recording(wanted("a"), wanted("b"), kept("b"))
    assert both.remove_sounds("a") == [SoundsRemoved(report="a")]
    left = recording(wanted("a"), wanted("b"), kept("b"), SoundsRemoved(report="a"))
    assert [one.report for one in left.sounds.values()] == ["b"]
    assert left.remove_sounds("a") == left.settle_sound(kept("a")) == []


def test_of_one_space_so_much_is_kept_and_no_more() -> None:
    full = recording(*(wanted(f"r{number}") for number in range(MOST)))
    assert full.want_sound("one_more", 0, AT, UNTIL) == []
