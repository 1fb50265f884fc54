"""Somebody who is captured in two sessions at once is heard once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.capture import Bundle, Packet, decode, encode
from services.transcription.adapters.captured import Captured
from services.transcription.app.turns import Turns

AT = 1_800_000_000 * 10**9
MS = 10**6
PERSON = "ann"


def message(session: str, start_ms: int, *, person: str = PERSON, count: int = 5, last: bool = False) -> Captured:
    """Packets of 20 ms that arrived from `start_ms` on, 100 ms of them; stored when they had arrived."""
    base_ns = AT + start_ms * MS
    packets = tuple(Packet(i * 20_000, i * 960, i, b"") for i in range(count))
    bundle = Bundle(base_ns, 7, packets, last)
    return Captured(1, session, person, base_ns + 100 * MS, f"capture.v1.s.{session}", encode(bundle), bundle)


def heard(turns: Turns, read: Captured) -> list[int]:
    """Arrivals of the packets that are taken, in ms; the body says the same."""
    assert not turns.must_wait(read)
    taken = turns.take(read)
    assert taken.bundle is not None
    assert decode(taken.body) == taken.bundle
    return [(taken.bundle.base_ns - AT) // MS + p.arrival_us // 1000 for p in taken.bundle.packets]


@pytest.fixture
def turns() -> Turns:
    return Turns(0.8)


def test_who_speaks_in_one_session_is_heard_whole(turns: Turns) -> None:
    read = [turns.read(message("a", start)) for start in range(0, 1000, 100)]
    assert [ms for each in read for ms in heard(turns, each)] == list(range(0, 1000, 20))


@pytest.mark.parametrize("behind", [0, 3, 20])
def test_the_later_session_goes_on_where_the_earlier_one_ends(turns: Turns, behind: int) -> None:
    both = [message("a", start, last=start == 900) for start in range(0, 1000, 100)]
    both += [message("b", start) for start in range(550, 1500, 100)]
    both.sort(key=lambda m: m.published_ns)
    # Each session's messages wait for their turn, and for whoever hears them, who may be behind.
    waiting: dict[str, list[Captured]] = {"a": [], "b": []}
    taken = []
    for number, each in enumerate([*both, *[None] * 20]):
        if each is not None:
            waiting[each.session_id].append(turns.read(each))
        for session in ("b", "a"):
            while waiting[session] and number >= behind and not turns.must_wait(waiting[session][0]):
                taken += heard(turns, waiting[session].pop(0))
                if session == "a":
                    break
    assert waiting == {"a": [], "b": []}
    assert sorted(taken) == [*range(0, 1000, 20), *range(990, 1550, 20)]


def test_the_later_one_waits_for_what_the_earlier_one_may_still_bring(turns: Turns) -> None:
    turns.read(message("a", 0))
    later = turns.read(message("b", 50))
    assert turns.must_wait(later), "the earlier one was read up to 80 ms, and this has 50 to 130"
    turns.read(message("a", 100))
    assert heard(turns, later) == []


def test_an_earlier_session_that_brings_nothing_is_waited_for_no_longer(turns: Turns) -> None:
    turns.read(message("a", 0))
    first = turns.read(message("b", 50))
    for start in range(150, 850, 100):
        turns.read(message("b", start))
        assert turns.must_wait(first)
    turns.read(message("b", 850))
    assert heard(turns, first) == [90, 110, 130]
    # What it brings after all was heard already, up to there.
    assert heard(turns, turns.read(message("a", 100))) == [140, 160, 180]
    # It has its turn again.
    later = turns.read(message("b", 950))
    turns.read(message("a", 900))
    assert turns.must_wait(later)


def test_where_nothing_is_read_at_all_waiting_ends(turns: Turns) -> None:
    turns.read(message("a", 0))
    later = turns.read(message("b", 50))
    turns.stop_waiting(later)
    assert heard(turns, later) == [90, 110, 130]


def test_others_who_speak_at_the_same_time_are_no_concern(turns: Turns) -> None:
    for each in (message("a", 0), message("b", 50, person="bob")):
        assert len(heard(turns, turns.read(each))) == 5


def test_a_session_that_was_closed_is_remembered(turns: Turns) -> None:
    first = turns.read(message("a", 0, last=True))
    waiting = turns.read(message("b", 50))
    heard(turns, first)
    turns.close(PERSON, "a")
    assert heard(turns, waiting) == [90, 110, 130], "it was read while the other one was open"
    turns.close(PERSON, "b")
    assert heard(turns, turns.read(message("c", 100))) == [140, 160, 180], "and after both were closed"


def test_a_clock_that_is_far_ahead_silences_nobody_for_long(turns: Turns) -> None:
    ahead = replace(message("a", 3_600_000, last=True), published_ns=AT)
    assert len(heard(turns, turns.read(ahead))) == 5
    assert len(heard(turns, turns.read(message("b", 61_000)))) == 5


def test_what_is_no_bundle_is_left_as_it_is(turns: Turns) -> None:
    turns.read(message("a", 0))
    broken = Captured(2, "b", PERSON, AT, "capture.v1.s.b", b"\x01", None)
    assert turns.read(broken) is broken
    assert not turns.must_wait(broken)
    assert turns.take(broken) is broken
