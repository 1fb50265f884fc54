"""What is said is stored sealed, and gone with whoever may have it erased."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.envelope import Event, body_of, decode, event_of
from contracts.sealed import sealed_in
from contracts.transcription import v1
from libs.eventstore import Fact, Meta, Notification, Record
from libs.eventstore.facts import encode
from libs.ids import new_id
from libs.keyring import Expired
from libs.keyring.opening import Opener
from services.transcription.domain.facts import (
    CaptionCorrected,
    Captioned,
    CaptionRestored,
    Completed,
    Deleted,
    Word,
    lock_of,
    unit_of,
)
from services.transcription.domain.transcript import Correction, Transcript
from services.transcription.projection.unwanted import Unwanted
from services.transcription.translation import locks_of, shown_of, translate
from tests.unit.transcription.sealing import Locks
from tests.unit.transcription.test_domain import OPENED, caption

AT = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
SPACE, SPEAKER, HOST = new_id(), new_id(), new_id()
SPOKEN, WRITTEN = lock_of(SPACE, SPEAKER), lock_of(SPACE, HOST)


def notified(fact: Fact, id: int = 1) -> Notification:
    return Notification(id, SPACE, id, Record(fact=fact, at=AT))


async def said(locks: Locks, id: str = "a") -> Captioned:
    """A caption of the speaker, as it is stored."""
    await locks.sealer.fetch([SPOKEN, WRITTEN])
    sealed = locks.sealer.seal(SPACE, caption(id, person=SPEAKER, words=(Word("Good", 0.1, 0.4, 0.9),)))
    assert sealed is not None
    return sealed


def corrected(locks: Locks, sealed: Captioned, text: str, wording: str = "w", by: str = HOST) -> CaptionCorrected:
    word = locks.sealer.word(SPACE, sealed, None, text, id=wording, by=by)
    assert word is not None
    return CaptionCorrected(
        caption_id=sealed.caption_id, person_id=SPEAKER, heard=sealed.text, text=word.text, by=by, wording=wording
    )


def transcript(*facts: Fact) -> Transcript:
    found = Transcript(SPACE)
    for fact in (OPENED, *facts):
        found.version += 1
        found.apply(fact, Meta(at=AT))
    return found


async def read(locks: Locks, fact: Fact) -> list[Event]:
    events = []
    for outgoing in translate(notified(fact)):
        body = body_of(outgoing)
        assert b"Good" not in body
        parts = sealed_in(body)
        texts = {} if parts is None else await Opener(locks.fetch).texts(parts.boxes.values())
        events.append(decode(event_of(outgoing).subject, body, parts, texts))
    return events


async def told(locks: Locks, fact: Fact) -> list[str]:
    """The texts of the events of a fact, for whoever opens them."""
    texts = []
    for event in await read(locks, fact):
        assert isinstance(event, v1.Captioned | v1.CaptionCorrected | v1.CaptionRestored | v1.OwnCaptionCorrected)
        texts.append(event.caption.text if isinstance(event, v1.Captioned) else event.text)
    return texts


async def test_what_is_stored_has_no_words_and_is_told_with_them() -> None:
    locks = Locks()
    sealed = await said(locks)
    correction = corrected(locks, sealed, "Good morning")
    restored = CaptionRestored(caption_id="a", person_id=SPEAKER, heard=sealed.text, rejected=False)
    stored = b"".join(encode(Record(fact=fact, at=AT)) for fact in (sealed, correction, restored))
    assert b"Good" not in stored
    assert (await told(locks, sealed), await told(locks, restored)) == (["Good evening"], ["Good evening"])
    assert await told(locks, correction) == ["Good morning", "Good morning"]
    (event,) = await read(locks, sealed)
    assert isinstance(event, v1.Captioned)
    assert event.caption.words == (v1.Word(text="Good", start=0.1, end=0.4, confidence=0.9),)
    assert transcript(sealed).complete() == [Completed(captions=1, words=2)]


async def test_the_hosts_words_are_compared_with_what_is_heard_and_shown() -> None:
    locks = Locks()
    sealed = await said(locks)
    shown = corrected(locks, sealed, "Good morning")

    def same_as(text: str) -> str | None:
        word = locks.sealer.word(SPACE, sealed, Correction(shown.text, HOST, shown.wording), text, id="v", by=HOST)
        return None if word is None else word.same_as

    assert [same_as(text) for text in ("Good evening", "Good morning", "Good day")] == ["heard", "shown", None]


@pytest.mark.parametrize(
    "erased", [f"person:{SPEAKER}", f"person:{HOST}", f"space:{SPACE}"], ids=["speaker", "host", "space"]
)
async def test_a_correction_is_gone_with_the_speaker_the_host_or_the_space(erased: str) -> None:
    locks = Locks()
    sealed = await said(locks)
    correction = corrected(locks, sealed, "Good morning")
    found = transcript(sealed, correction)
    for lock in {SPOKEN, WRITTEN}:
        if erased in lock:
            locks.destroy(lock)
    assert await told(locks, correction) == ["", ""]  # as many events as before
    assert await told(locks, sealed) == ["Good evening" if erased == f"person:{HOST}" else ""]
    await locks.sealer.fetch(locks_of(found, found.spoken()))
    # Not what was heard in its place, which the host took from there.
    assert shown_of(found, sealed, locks.sealer) is None


async def test_whoever_corrects_themselves_needs_no_lock_but_theirs() -> None:
    locks = Locks()
    sealed = await said(locks)
    own = corrected(locks, sealed, "Good day", by=SPEAKER)
    locks.destroy(WRITTEN)
    assert await told(locks, own) == ["Good day"]


async def test_what_was_opened_is_forgotten_when_its_key_is_destroyed() -> None:
    locks = Locks()
    one, other = await said(locks, "a"), await said(locks, "b")
    assert [await told(locks, fact) for fact in (one, other)] == [["Good evening"], ["Good evening"]]
    locks.destroy(SPOKEN, unit_of("a"))
    with pytest.raises(Expired):
        locks.sealer.heard(SPACE, one)
    assert [await told(locks, fact) for fact in (one, other)] == [[""], ["Good evening"]]
    await locks.sealer.fetch([SPOKEN])
    assert locks.sealer.seal(SPACE, caption("a", person=SPEAKER)) is None


async def unwanted(path: Path, *facts: Fact) -> dict[str, set[str]]:
    """Units by lock that are to be destroyed after these facts."""
    found: dict[str, set[str]] = {}
    async with Unwanted(path) as model:
        model.take([notified(fact, id) for id, fact in enumerate(facts, 1)])
        while (one := model.next()) is not None:
            found.setdefault(one[0], set()).update(one[1])
            model.destroyed(*one)
    return found


async def test_words_that_others_replaced_are_destroyed_and_what_was_heard_stays(tmp_path: Path) -> None:
    locks = Locks()
    sealed = await said(locks)
    first, second = (corrected(locks, sealed, text, wording) for text, wording in (("One", "1"), ("Two", "2")))
    restored = CaptionRestored(caption_id="a", person_id=SPEAKER, heard=sealed.text, rejected=True)
    assert await unwanted(tmp_path / "a.db", OPENED, sealed, first) == {}
    assert await unwanted(tmp_path / "b.db", OPENED, sealed, first, second) == {SPOKEN: {"transcript/a/1"}}
    assert await unwanted(tmp_path / "c.db", OPENED, sealed, first, second, restored) == {
        SPOKEN: {"transcript/a/1", "transcript/a/2"}
    }
    locks.destroy(SPOKEN, "transcript/a/1")
    assert [await told(locks, fact) for fact in (sealed, first, second)] == [["Good evening"], ["", ""], ["Two", "Two"]]


async def test_all_of_a_deleted_transcript_is_destroyed(tmp_path: Path) -> None:
    locks = Locks()
    sealed = await said(locks)
    first = corrected(locks, sealed, "One", "1")
    assert await unwanted(tmp_path / "a.db", OPENED, sealed, first, Deleted()) == {
        SPOKEN: {"transcript"}, WRITTEN: {"transcript"},
    }  # fmt: skip
    for lock in (SPOKEN, WRITTEN):
        locks.destroy(lock, "transcript")
    assert [await told(locks, fact) for fact in (sealed, first)] == [[""], ["", ""]]
    # What an earlier version stored has no key.
    plain = caption("b", person=SPEAKER)
    assert await unwanted(tmp_path / "b.db", OPENED, plain, Deleted()) == {}
