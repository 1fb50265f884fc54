"""Given these facts, when this happens, then these facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from libs.eventstore import Fact, Meta
from libs.names import Named
from services.transcription.domain.facts import (
    Captioned,
    Completed,
    Deleted,
    TranscriptOpened,
    Word,
)
from services.transcription.domain.transcript import CapturePosition, Transcript

AT = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)


def given(*facts: Fact) -> Transcript:
    transcript = Transcript("space")
    for fact in facts:
        transcript.version += 1
        transcript.apply(fact, Meta(at=AT))
    return transcript


def who(person_id: str) -> Named:
    """Everybody is called Ann."""
    return Named(person_id, "ann", "Ann")


OPENED = TranscriptOpened(lang="en", started_at=AT)


def caption(
    id: str,
    *,
    session: str = "s",
    sequence: int = 5,
    resume: int = 3,
    seconds: float = 1,
    epoch: str = "e",
    person: str = "p",
    words: tuple[Word, ...] = (),
    others: dict[str, int] | None = None,
) -> Captioned:
    return Captioned(
        caption_id=id, session_id=session, person_id=person, lang="en", text="Good evening",
        start_at=AT + timedelta(seconds=seconds), end_at=AT + timedelta(seconds=seconds + 1),
        epoch=epoch, sequence=sequence, resume=resume, words=words, others=others or {},
    )  # fmt: skip


def test_a_transcript_is_opened_once() -> None:
    assert given().open("en", AT) == [OPENED]
    assert given(OPENED).open("de", AT) == []


def test_an_utterance_that_is_heard_again_is_one_caption() -> None:
    assert given(OPENED).caption(caption("a")) == [caption("a")]
    assert given(OPENED, caption("a")).caption(caption("a", sequence=9)) == []


def test_nothing_is_added_to_what_is_complete_or_was_never_opened() -> None:
    done = given(OPENED, caption("a")).complete()
    assert done == [Completed(captions=1, words=2)]
    assert given(OPENED, caption("a"), *done).caption(caption("b")) == []
    assert given(OPENED, caption("a"), *done).complete() == []
    assert given().complete() == []
    assert given().caption(caption("a")) == []


def test_a_transcript_goes_with_its_replay_and_nothing_is_added_to_it() -> None:
    deleted = given(OPENED, caption("a"), Deleted())
    assert given(OPENED, caption("a")).delete() == [Deleted()]
    assert (deleted.deleted, deleted.spoken()) == (True, ())
    assert deleted.delete() == deleted.caption(caption("b")) == deleted.complete() == []


def test_a_replay_that_is_deleted_before_its_transcript_began_gets_none() -> None:
    assert given().delete() == [Deleted()]
    deleted = given(Deleted())
    assert deleted.open("en", AT) == deleted.caption(caption("a")) == deleted.complete() == deleted.delete() == []


def test_captions_are_in_order_of_what_was_begun_first() -> None:
    transcript = given(OPENED, caption("b", seconds=4), caption("a", seconds=2))
    assert [c.caption_id for c in transcript.spoken()] == ["a", "b"]


def test_the_position_only_rises() -> None:
    transcript = given(
        OPENED,
        caption("a", sequence=5, resume=3),
        caption("b", session="t", sequence=9, resume=8),
        caption("c", sequence=7, resume=6),
    )
    assert transcript.position == CapturePosition("e", 8, {"s": 7, "t": 9})
    assert transcript.position.of("u") == 0


def test_a_caption_also_tells_how_far_other_sessions_are_accounted_for() -> None:
    transcript = given(
        OPENED,
        caption("a", sequence=5, resume=3, others={"t": 4, "u": 9}),
        caption("b", session="t", sequence=9, resume=8, others={"s": 4, "u": 10}),
    )
    assert transcript.position == CapturePosition("e", 8, {"s": 5, "t": 9, "u": 10})


def test_a_capture_stream_that_was_made_anew_is_heard_from_its_beginning() -> None:
    transcript = given(OPENED, caption("a", sequence=500, resume=400), caption("b", sequence=5, resume=3, epoch="f"))
    assert transcript.position == CapturePosition("f", 3, {"s": 5})
