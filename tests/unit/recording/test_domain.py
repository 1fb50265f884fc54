"""Given these facts, when this is told, then these facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from libs.eventstore import Fact, Meta
from services.recording.domain.facts import Began, Ended, Failed, Finished, SpeakerNoted
from services.recording.domain.recording import Phase, Recording

T0 = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
BEGAN = Began(started_at=T0, title="On rivers")
ENDED = Ended(ended_at=T0 + timedelta(hours=1))


def given(*facts: Fact) -> Recording:
    recording = Recording("s")
    for fact in facts:
        recording.apply(fact, Meta(at=T0))
    return recording


def noted(minutes: int, consents: bool) -> SpeakerNoted:
    return SpeakerNoted(person_id="p", consents=consents, since=T0 + timedelta(minutes=minutes))


def test_a_recording_begins_once() -> None:
    assert given().begin(started_at=T0, title="On rivers") == [BEGAN]
    assert given(BEGAN).begin(started_at=T0, title="On rivers") == []
    assert given(BEGAN, ENDED).begin(started_at=T0, title="On rivers") == []


def test_a_speaker_is_noted_once_for_each_time_on_stage() -> None:
    told = {"person_id": "p", "consents": True, "since": T0 + timedelta(minutes=5)}
    assert given().note_speaker(**told) == []  # type: ignore[arg-type]
    assert given(BEGAN).note_speaker(**told) == [noted(5, True)]  # type: ignore[arg-type]
    assert given(BEGAN, noted(5, True)).note_speaker(**told) == []  # type: ignore[arg-type]
    assert given(BEGAN, noted(9, False)).note_speaker(**told) == [noted(5, True)]  # type: ignore[arg-type]


def test_consent_is_that_of_the_moment_whatever_order_it_was_told_in() -> None:
    for facts in ((noted(5, True), noted(9, False)), (noted(9, False), noted(5, True))):
        speaker = given(BEGAN, *facts).speakers["p"]
        assert speaker.consented(T0 + timedelta(minutes=4))
        assert speaker.consented(T0 + timedelta(minutes=8))
        assert not speaker.consented(T0 + timedelta(minutes=9))


def test_only_what_has_ended_is_finished_or_fails() -> None:
    done = {"began_at": T0, "seconds": 1.5, "bytes": 9, "mix": "m", "tracks": []}
    assert given(BEGAN).finish(**done) == []  # type: ignore[arg-type]
    assert given(BEGAN).fail(reason="storage", detail="d") == []
    finished = Finished(began_at=T0, seconds=1.5, bytes=9, mix="m", tracks=())
    assert given(BEGAN, ENDED).finish(**done) == [finished]  # type: ignore[arg-type]
    assert given(BEGAN, ENDED).fail(reason="storage", detail="d") == [Failed(reason="storage", detail="d")]
    assert given(BEGAN, ENDED, finished).finish(**done) == []  # type: ignore[arg-type]
    assert given(BEGAN, ENDED, finished).phase is Phase.READY
    assert given().end(ended_at=T0) == []
