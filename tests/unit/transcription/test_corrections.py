"""Who corrects captions, who rejects that, and what is kept. Given these facts, when this is told, then these facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest

from contracts.envelope import Event, event_of
from contracts.transcription import v1
from libs.eventstore import Fact, Notification, Record
from libs.ids import new_id
from libs.refusal import Refusal
from services.transcription.domain.facts import (
    CaptionCorrected,
    Captioned,
    CaptionRestored,
    Completed,
    Deleted,
    HostNoted,
    Unrecorded,
    Word,
)
from services.transcription.domain.transcript import Transcript, Wording, tidy
from services.transcription.translation import shown_of, shown_to, translate
from tests.unit.transcription.sealing import Locks
from tests.unit.transcription.test_domain import AT, OPENED, caption, given, who

HOST = HostNoted(host="h")
SAID = caption("a")  # by p: "Good evening"
BEGUN = (HOST, OPENED, SAID)


def corrected(text: str, *, by: str = "h") -> CaptionCorrected:
    return CaptionCorrected(caption_id="a", person_id="p", heard="Good evening", text=text, by=by, wording="w")


def wording(text: str, same_as: Literal["heard", "shown"] | None = None) -> Wording:
    return Wording("w", text, same_as)


def restored(*, rejected: bool) -> CaptionRestored:
    return CaptionRestored(caption_id="a", person_id="p", heard="Good evening", rejected=rejected)


def refused(order: Callable[[], list[Fact]]) -> str:
    with pytest.raises(Refusal) as error:
        order()
    return error.value.reason


def test_the_host_alone_corrects_captions() -> None:
    begun = given(*BEGUN)
    assert begun.correct("a", wording("Good evening, Ann"), actor="h") == [corrected("Good evening, Ann")]
    assert refused(lambda: begun.correct("a", wording("No"), actor="p")) == "not_host"
    assert refused(lambda: begun.correct("a", wording("No"), actor="q")) == "not_host"
    assert refused(lambda: begun.correct("b", wording("No"), actor="h")) == "caption_unknown"


def test_who_hosts_it_now_corrects_and_who_hosted_it_before_does_not() -> None:
    handed_over = given(*BEGUN, HostNoted(host="i"))
    assert refused(lambda: handed_over.correct("a", wording("Yes"), actor="h")) == "not_host"
    assert handed_over.correct("a", wording("Yes"), actor="i") == [corrected("Yes", by="i")]


def test_nobody_corrects_before_it_is_known_who_hosts() -> None:
    with pytest.raises(Refusal) as error:
        given(OPENED, SAID).correct("a", wording("Yes"), actor="h")
    assert (error.value.reason, error.value.retry) == ("not_ready", True)


def test_captions_are_corrected_while_the_space_runs_and_afterwards() -> None:
    over = given(*BEGUN, Completed(captions=1, words=2))
    assert over.correct("a", wording("Yes"), actor="h") == [corrected("Yes")]


def test_the_same_words_again_change_nothing_and_other_words_replace_them() -> None:
    once = given(*BEGUN, corrected("Good evening, Ann"))
    assert once.correct("a", wording("Good evening, Ann", "shown"), actor="h") == []
    assert once.correct("a", wording("Good evening, Anne"), actor="h") == [corrected("Good evening, Anne")]
    assert given(*BEGUN).correct("a", wording("Good evening", "heard"), actor="h") == []


def test_the_words_that_were_heard_take_a_correction_back() -> None:
    once = given(*BEGUN, corrected("No"))
    assert once.correct("a", wording("Good evening", "heard"), actor="h") == [restored(rejected=False)]
    again = given(*BEGUN, corrected("No"), restored(rejected=False))
    assert again.correct("a", wording("Yes"), actor="h") == [corrected("Yes")]


@pytest.mark.parametrize("text", ["\u200b", "\u00ad \u2060", "\u202e"])
def test_words_that_nobody_can_see_are_refused(text: str) -> None:
    with pytest.raises(Refusal, match="nothing in it can be seen"):
        tidy(text)
    assert tidy(" Good  evening,\nAnn ") == "Good evening, Ann"


def test_words_are_sealed_for_those_alone_whom_they_are_taken_from() -> None:
    begun = given(*BEGUN)
    assert begun.correctable("a", "h") == SAID
    assert begun.correctable("a", "p") is begun.correctable("b", "h") is None
    rejected = given(*BEGUN, corrected("No"), restored(rejected=True))
    assert rejected.correctable("a", "h") is given(*BEGUN, Deleted()).correctable("a", "h") is None
    with pytest.raises(Refusal) as error:
        begun.correct("a", None, actor="h")
    assert (error.value.reason, error.value.retry) == ("not_ready", True)


def test_the_speaker_rejects_a_correction_for_good() -> None:
    once = given(*BEGUN, corrected("No"))
    assert refused(lambda: once.reject("a", actor="h")) == "not_yours"
    assert refused(lambda: once.reject("a", actor="q")) == "not_yours"
    assert refused(lambda: once.reject("b", actor="p")) == "caption_unknown"
    assert once.reject("a", actor="p") == [restored(rejected=True)]
    rejected = given(*BEGUN, corrected("No"), restored(rejected=True))
    assert rejected.reject("a", actor="p") == []
    assert refused(lambda: rejected.correct("a", wording("No"), actor="h")) == "correction_rejected"


def test_there_is_nothing_to_reject_where_nobody_corrected() -> None:
    assert refused(lambda: given(*BEGUN).reject("a", actor="p")) == "wrong_state"
    assert (
        refused(lambda: given(*BEGUN, corrected("No"), restored(rejected=False)).reject("a", actor="p"))
        == "wrong_state"
    )


@pytest.mark.parametrize("facts", [(), (HOST,), (*BEGUN, Deleted())])
def test_where_there_is_no_transcript_nothing_is_corrected_nor_rejected(facts: tuple[Fact, ...]) -> None:
    assert refused(lambda: given(*facts).correct("a", wording("No"), actor="h")) == "transcript_unknown"
    assert refused(lambda: given(*facts).reject("a", actor="p")) == "transcript_unknown"


def test_a_transcript_that_is_deleted_forgets_its_corrections() -> None:
    deleted = given(*BEGUN, corrected("No"), Deleted())
    assert (deleted.spoken(), deleted.corrections, deleted.rejected) == ((), {}, set())


def test_a_space_that_is_not_recorded_keeps_no_transcript_after_its_end() -> None:
    said = given(*BEGUN, Unrecorded())
    assert said.complete() == [Completed(captions=1, words=2), Deleted()]
    over = given(*BEGUN, Unrecorded(), *said.complete())
    assert (over.shown, over.spoken()) == (False, ())
    assert given(*BEGUN).complete() == [Completed(captions=1, words=2)]


def test_it_keeps_none_either_when_that_becomes_known_after_its_end() -> None:
    over = given(OPENED, SAID, Completed(captions=1, words=2))
    assert over.note("h", recorded=False) == [HOST, Unrecorded(), Deleted()]
    assert over.note("h", recorded=True) == [HOST]


def test_the_host_is_noted_once_and_only_of_spaces_with_captions() -> None:
    assert given().note("h", recorded=False) == [HOST, Unrecorded()]
    assert given(HOST).note("h", recorded=True) == given(Deleted()).note("h", recorded=True) == []
    assert given().change_host("i") == given(HOST).change_host("h") == given(HOST, Deleted()).change_host("i") == []
    assert given(HOST).change_host("i") == [HostNoted(host="i")]


PERSON, HOSTING = new_id(), new_id()
FACTS = {"caption_id": "a", "person_id": PERSON, "heard": "Good evening"}


def told(fact: Fact) -> list[Event]:
    return [event_of(event) for event in translate(Notification(1, new_id(), 4, Record(fact=fact, at=AT)))]


def test_everybody_is_told_of_a_correction_and_the_speaker_of_what_was_heard() -> None:
    everybody, speaker = told(CaptionCorrected(**FACTS, text="Good evening, Ann", by=HOSTING))
    assert isinstance(everybody, v1.CaptionCorrected)
    assert (everybody.caption_id, everybody.text, everybody.by) == ("a", "Good evening, Ann", HOSTING)
    assert 'Good evening"' not in everybody.model_dump_json()
    assert isinstance(speaker, v1.OwnCaptionCorrected)
    assert (list(speaker.people()), speaker.heard) == ([PERSON], "Good evening")


def test_hosts_who_correct_themselves_are_not_told() -> None:
    assert [type(one) for one in told(CaptionCorrected(**FACTS, text="No", by=PERSON))] == [v1.CaptionCorrected]


@pytest.mark.parametrize(("rejected", "reason"), [(True, "rejected"), (False, "withdrawn")])
def test_everybody_is_told_that_what_was_heard_is_shown_again(rejected: bool, reason: str) -> None:
    (event,) = told(CaptionRestored(**FACTS, rejected=rejected))
    assert isinstance(event, v1.CaptionRestored)
    assert (event.text, event.reason) == ("Good evening", reason)


def shown(viewer: str | None, said: Captioned, transcript: Transcript) -> v1.Caption:
    sealer = Locks().sealer
    one = shown_of(transcript, said, sealer)
    assert one is not None
    return shown_to(viewer, one, transcript, who, sealer)


def test_what_was_heard_is_shown_to_the_speaker_and_the_host_alone() -> None:
    said = caption("a", person=PERSON, words=(Word("Good", 0.1, 0.4),))
    begun = given(HostNoted(host=HOSTING), OPENED, said)
    assert (shown(None, said, begun).text, shown(PERSON, said, begun).heard) == ("Good evening", None)
    once = given(
        HostNoted(host=HOSTING), OPENED, said,
        CaptionCorrected(caption_id="a", person_id=PERSON, heard="Good evening", text="Hello", by=HOSTING),
    )  # fmt: skip
    found = [shown(viewer, said, once) for viewer in (None, new_id(), PERSON, HOSTING)]
    assert {(one.text, one.corrected_by, one.words) for one in found} == {("Hello", HOSTING, ())}
    assert [one.heard for one in found] == [None, None, "Good evening", "Good evening"]
