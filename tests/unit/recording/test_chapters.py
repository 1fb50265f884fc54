"""Chapters are proposed from what was pinned and who leads the talk, and set by the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from libs.refusal import Refusal
from services.recording.domain.chapters import Chapter, ChaptersSet, Lead, checked, leads_of, proposed
from services.recording.domain.facts import Deleted, HostNoted
from services.recording.domain.forms import FormMade
from services.recording.domain.recording import Recording
from services.recording.replay.leads import HOPS, Leaders
from services.recording.replay.loudness import HOP
from tests.unit.recording.sounds import noise
from tests.unit.recording.test_domain import given
from tests.unit.recording.test_forms import HOST, MADE, OTHER, READY

A, B = "a" * 26, "b" * 26


def test_whoever_is_heard_most_leads_a_window_and_nobody_leads_silence() -> None:
    loud, quiet = noise(HOP / 48_000), np.zeros(HOP, np.float32)
    leaders = Leaders()
    for n in range(HOPS):
        leaders.hop({"0": loud, "1": loud if n % 2 else quiet})
    for _ in range(HOPS):
        leaders.hop({"0": quiet, "1": quiet})
    for n in range(HOPS // 2):
        leaders.hop({"1": loud if n % 3 else quiet})
    assert leaders.all() == ["0", None, "1"]


@pytest.mark.parametrize(
    ("led", "leads"),
    [
        ("AAABBB", [(0, A), (30, B)]),
        ("AAAABAAAA", [(0, A)]),
        ("AAA---BBBB", [(0, A), (60, B)]),
        ("AABBAABB", []),
        ("", []),
    ],
)
def test_whoever_leads_the_talk_for_half_a_minute_begins_a_chapter(led: str, leads: list[tuple[float, str]]) -> None:
    people = {"A": A, "B": B, "-": None}
    assert leads_of([people[one] for one in led], 10.0) == tuple(Lead(at, who) for at, who in leads)


def test_what_was_pinned_counts_more_than_who_speaks_and_the_first_begins_with_the_replay() -> None:
    pinned = [
        Chapter(62, "The delta", None, "https://example.org/d"),
        Chapter(500, "Too late"),
        Chapter(-5, "Too early"),
    ]
    found = proposed([Lead(20, A), Lead(60, B), Lead(120, A)], pinned, 300)
    assert found == [Chapter(0, "", A), Chapter(62, "The delta", None, "https://example.org/d"), Chapter(120, "", A)]
    assert proposed([], [], 300) == []
    assert len(proposed([], [Chapter(n * 10.0, "x") for n in range(500)], 9_000)) == 100


@pytest.mark.parametrize(
    "chapters",
    [[Chapter(5, "a"), Chapter(5, "b")], [Chapter(5, "a"), Chapter(4, "b")], [Chapter(30, "a")]],
)
def test_chapters_that_no_replay_can_have_are_refused(chapters: list[Chapter]) -> None:
    with pytest.raises(Refusal) as no:
        checked(chapters, 30)
    assert no.value.reason == "invalid"


SET = ChaptersSet(host=HOST, number=1, chapters="[...]", count=2, object="list 1")


def test_the_host_alone_sets_chapters_of_a_replay_that_is_there() -> None:
    ready = given(*READY)
    ready.may_set_chapters(HOST, [Chapter(0, "a"), Chapter(1, "", OTHER)])
    cases: list[tuple[Recording, str | None, list[Chapter], str]] = [
        (ready, OTHER, [], "not_host"),
        (ready, None, [], "not_host"),
        (ready, HOST, [Chapter(3, "a")], "invalid"),
        (ready, HOST, [Chapter(1, "", "z" * 26)], "invalid"),
        (given(*READY[:3]), HOST, [], "not_ready"),
        (given(), HOST, [], "replay_unknown"),
        (given(*READY, Deleted(reason="host")), HOST, [], "replay_deleted"),
    ]
    for recording, actor, chapters, reason in cases:
        with pytest.raises(Refusal) as no:
            recording.may_set_chapters(actor, chapters)
        assert no.value.reason == reason
    assert ready.set_chapters(1, "[...]", 2, "list 1") == [SET]
    assert ready.set_chapters(1, "", 0, "list 1") == [], "there were none"


def test_chapters_that_are_replaced_or_deleted_are_to_be_destroyed_and_forms_with_them() -> None:
    assert given(*READY, MADE, SET).forms.outdated == ("first",)
    again: dict[str, Any] = {"second": ChaptersSet(host=HOST, number=2, chapters="[..]", count=1, object="list 2")}
    again["none"] = ChaptersSet(host=HOST, number=2, chapters="", count=0, object="list 2")
    again["deleted"] = Deleted(reason="expired")
    for why, fact in again.items():
        recording = given(*READY, SET, fact)
        assert recording.forms.outdated == ("list 1",), why
        assert recording.chapters.count == (1 if why == "second" else 0)
    handed_over = given(*READY, SET, HostNoted(host=OTHER, version=9))
    assert (handed_over.chapters.count, handed_over.forms.outdated) == (2, ()), "they stay with the replay"
    late = FormMade(form="m4a", object="second", host=HOST, bytes=1, sha384="")
    assert given(*READY, SET).form_made(late, given(*READY)) == [], "a form with the chapters of before is none"
