"""Who deletes one caption or the whole transcript, and what is left."""

from __future__ import annotations

import pytest

from libs.eventstore import Fact
from services.transcription.domain.facts import CaptionDeleted, Completed, Deleted, HostNoted
from tests.unit.transcription.test_corrections import HOST, corrected, refused, restored
from tests.unit.transcription.test_domain import OPENED, caption, given

A, B = caption("a"), caption("b")  # by p
BEGUN: tuple[Fact, ...] = (HOST, OPENED, A, B)
GONE = CaptionDeleted(caption_id="a", person_id="p")
DONE = Completed(captions=2, words=4)


@pytest.mark.parametrize(("actor", "operator"), [("p", False), ("h", False), ("o", True)])
@pytest.mark.parametrize("over", [(), (DONE,)])
def test_who_said_it_the_host_and_operators_delete_a_caption_while_it_is_live_and_afterwards(
    actor: str, operator: bool, over: tuple[Fact, ...]
) -> None:
    begun = given(*BEGUN, *over)
    assert begun.delete_caption("a", actor=actor, operator=operator) == [GONE]
    left = given(*BEGUN, *over, GONE)
    assert left.spoken() == (B,)
    assert left.delete_caption("a", actor=actor, operator=operator) == []


def test_nobody_else_does_also_where_it_is_gone_already() -> None:
    for facts in (BEGUN, (*BEGUN, GONE)):
        assert refused(lambda facts=facts: given(*facts).delete_caption("a", actor="q")) == "not_yours"  # type: ignore[misc]
    former = given(*BEGUN, HostNoted(host="new"))
    assert refused(lambda: former.delete_caption("a", actor="h")) == "not_yours"
    assert refused(lambda: former.delete_caption("c", actor="new")) == "caption_unknown"
    assert refused(lambda: given(HOST).delete_caption("a", actor="h")) == "transcript_unknown"


def test_a_deleted_caption_is_not_written_down_again_nor_corrected_nor_restored() -> None:
    gone = given(*BEGUN, corrected("Good night"), GONE)
    assert gone.caption(A) == []
    assert gone.corrections == {}
    assert gone.correctable("a", "h") is None
    assert refused(lambda: gone.correct("a", None, actor="h")) == "caption_unknown"
    assert refused(lambda: gone.reject("a", actor="p")) == "caption_unknown"
    assert given(*BEGUN, corrected("Good night"), restored(rejected=True), GONE).rejected == set()
    assert gone.complete()[0] == Completed(captions=1, words=2)


def test_a_transcript_as_it_was_has_nothing_that_was_deleted_since() -> None:
    now = given(*BEGUN, GONE)
    assert given(*BEGUN).without(now.removed).spoken() == (B,)


def test_the_host_deletes_the_transcript_once_all_is_written_down_and_keeps_the_replay() -> None:
    done = given(*BEGUN, DONE)
    assert refused(lambda: given(*BEGUN).delete_alone(actor="h")) == "not_ready"
    assert refused(lambda: done.delete_alone(actor="p")) == "not_host"
    assert done.delete_alone(actor="h") == [Deleted(alone=True)]
    assert done.delete_alone(actor="o", operator=True) == [Deleted(alone=True)]
    gone = given(*BEGUN, DONE, Deleted(alone=True))
    assert (gone.shown, gone.captions) == (False, [])
    assert gone.delete_alone(actor="h") == []
    assert gone.delete() == []
    assert refused(lambda: given(HOST).delete_alone(actor="h")) == "transcript_unknown"
