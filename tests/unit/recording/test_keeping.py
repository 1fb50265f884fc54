"""Whose a replay is, for how long it is kept, and for whom. Given these facts, when this is told, then these facts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from libs.eventstore import Fact
from libs.refusal import Refusal
from services.recording.domain.facts import (
    Deleted,
    Discarded,
    Failed,
    Finished,
    HostNoted,
    Reported,
    ReportSettled,
    SafetyCopyDestroyed,
    SafetyCopyHeard,
)
from services.recording.domain.recording import Phase, Terms
from tests.unit.recording.test_domain import BEGAN, ENDED, T0, given, noted

FINISHED = Finished(began_at=T0, seconds=1.5, bytes=9, mix="m", tracks=())
READY = (BEGAN, noted(0, True), ENDED, FINISHED)
HOST = "p"  # who was noted first
TERMS = Terms(replay=timedelta(days=30), safety=timedelta(days=30), reported=timedelta(days=120))
END = ENDED.ended_at
BY_HOST = Deleted(reason="host")


def days(many: float) -> timedelta:
    return timedelta(days=many)


def test_a_replay_is_its_hosts_and_after_a_change_the_new_hosts() -> None:
    assert given(*READY).delete(HOST, operator=False) == [BY_HOST]
    handed_over = given(BEGAN, noted(0, True), HostNoted(host="q"), ENDED, FINISHED)
    assert handed_over.delete("q", operator=False) == [BY_HOST]
    with pytest.raises(Refusal, match="not_host"):
        handed_over.delete(HOST, operator=False)
    assert given(*READY).note_host(HOST, 9) == []
    assert given().note_host("q", 9) == []
    assert given(*READY).note_host("q", 9) == [HostNoted(host="q", version=9)]


def test_an_older_answer_of_room_does_not_take_a_replay_from_its_new_host() -> None:
    handed_over = given(BEGAN, noted(0, True), HostNoted(host="q", version=9))
    for version in (8, 9):
        assert handed_over.note_host(HOST, version) == []
    assert handed_over.note_host(HOST, 10) == [HostNoted(host=HOST, version=10)]
    before = given(BEGAN, noted(0, True), HostNoted(host="q"))  # as an earlier version stored it
    assert before.note_host(HOST, 1) == [HostNoted(host=HOST, version=1)]


def test_with_its_space_a_replay_is_deleted_and_one_that_is_owed_as_soon_as_it_is_stored() -> None:
    assert given(*READY).discard(HOST) == [BY_HOST]
    assert given(*READY).discard("operator") == [Deleted(reason="platform")]
    assert given(*READY, BY_HOST).discard(HOST) == []
    assert given().discard(HOST) == []
    made = {"began_at": T0, "seconds": 1.5, "bytes": 9, "mix": "m"}
    for owed in ((BEGAN, noted(0, True)), (BEGAN, noted(0, True), ENDED)):
        discarded = Discarded(reason="host")
        assert given(*owed).discard(HOST) == [discarded]
        later = (*owed, discarded, *([] if ENDED in owed else [ENDED]))
        assert given(*later[: len(owed) + 1]).discard(HOST) == []
        assert given(*later).finish(**made, tracks=[]) == [FINISHED, BY_HOST]  # type: ignore[arg-type]
        assert given(*later).fail(reason="storage", detail="full") == [Failed(reason="storage", detail="full"), BY_HOST]
        assert given(*later, FINISHED, BY_HOST).phase is Phase.DELETED


def test_the_platform_deletes_too_and_deleting_again_changes_nothing() -> None:
    assert given(*READY).delete("operator", operator=True) == [Deleted(reason="platform")]
    assert given(*READY, BY_HOST).delete(HOST, operator=False) == []


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ((), "replay_unknown"),
        ((BEGAN, noted(0, True)), "not_ready"),
        ((BEGAN, noted(0, True), ENDED), "not_ready"),
    ],
    ids=["none", "recording", "processing"],
)
def test_what_is_not_there_is_not_deleted(facts: tuple[Fact, ...], reason: str) -> None:
    with pytest.raises(Refusal, match=reason):
        given(*facts).delete(HOST, operator=False)


def test_a_replay_is_shown_for_thirty_days_or_for_ever() -> None:
    assert given(*READY).expire(END + days(29.9), TERMS) == []
    assert given(*READY).expire(END + days(30), TERMS) == [Deleted(reason="expired")]
    assert given(*READY, BY_HOST).expire(END + days(30), TERMS) == []
    for_ever = Terms(replay=None, safety=days(30), reported=days(120))
    assert given(*READY).expire(END + days(9_999), for_ever) == []


def test_where_the_replay_failed_the_transcript_is_kept_and_deleted_like_a_replay() -> None:
    failed = (BEGAN, noted(0, True), ENDED, Failed(reason="storage", detail="d"))
    assert given(*failed).delete(HOST, operator=False) == [BY_HOST]
    with pytest.raises(Refusal, match="not_host"):
        given(*failed).delete("q", operator=False)
    assert given(*failed).expire(END + days(29.9), TERMS) == []
    assert given(*failed).expire(END + days(30), TERMS) == [Deleted(reason="expired")]
    gone = given(*failed, BY_HOST)
    assert (gone.delete(HOST, operator=False), gone.expire(END + days(99), TERMS)) == ([], [])
    assert (gone.phase, gone.destroy(END + days(999), TERMS)) == (Phase.DESTROYED, []), "there is no safety copy"


def test_a_safety_copy_is_kept_thirty_days_and_up_to_120_for_an_open_report() -> None:
    deleted, reported = (*READY, BY_HOST), Reported(report="r")
    assert given(*READY).destroy(END + days(999), TERMS) == []
    assert given(*deleted).destroy(END + days(29.9), TERMS) == []
    assert given(*deleted).destroy(END + days(30), TERMS) == [SafetyCopyDestroyed()]
    assert given(*deleted, reported).destroy(END + days(119.9), TERMS) == []
    assert given(*deleted, reported).destroy(END + days(120), TERMS) == [SafetyCopyDestroyed()]
    assert given(*deleted, reported, ReportSettled(report="r")).destroy(END + days(30), TERMS)
    gone = given(*deleted, SafetyCopyDestroyed())
    assert (gone.phase, gone.destroy(END + days(999), TERMS)) == (Phase.DESTROYED, [])


def test_it_is_heard_for_an_open_report_only_and_each_look_is_a_fact() -> None:
    reported = Reported(report="r")
    assert given(*READY, BY_HOST, reported).hear("r") == [SafetyCopyHeard(report="r")]
    assert given(*READY, reported).hear("r") == [SafetyCopyHeard(report="r")]
    for facts in ((), (reported,), (reported, ReportSettled(report="r"))):
        with pytest.raises(Refusal, match="report_unknown"):
            given(*READY, BY_HOST, *facts).hear("s" if facts == (reported,) else "r")
    with pytest.raises(Refusal, match="replay_unknown"):
        given(*READY, BY_HOST, reported, SafetyCopyDestroyed()).hear("r")


def test_a_report_is_known_before_the_recording_is() -> None:
    assert given().report("r") == [Reported(report="r")]
    assert given(Reported(report="r")).report("r") == []
    assert given().settle("r") == []
    assert given(Reported(report="r")).begin(started_at=T0, title="On rivers") == [BEGAN]
