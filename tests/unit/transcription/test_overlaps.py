"""Somebody who is captured in two sessions at once is transcribed once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from contracts.capture import Bundle, CapturedPacket, decode, encode
from services.transcription.adapters.captured import CapturedMessage
from services.transcription.app.overlaps import Overlaps

AT = 1_800_000_000 * 10**9
MS = 10**6
PERSON = "ann"


def message(
    session: str, start_ms: int, *, person: str = PERSON, count: int = 5, last: bool = False
) -> CapturedMessage:
    """Packets of 20 ms that arrived from `start_ms` on, 100 ms of them; stored when they had arrived."""
    base_ns = AT + start_ms * MS
    packets = tuple(CapturedPacket(i * 20_000, i * 960, i, b"") for i in range(count))
    bundle = Bundle(base_ns, 7, packets, last)
    body = encode(bundle)
    return CapturedMessage(1, session, person, base_ns + 100 * MS, f"capture.v1.s.{session}", body, body, bundle)


def taken_of(overlaps: Overlaps, read: CapturedMessage) -> list[int]:
    """Arrivals of the packets that are taken, in ms; the body says the same."""
    assert not overlaps.must_wait(read)
    taken = overlaps.take(read)
    assert taken.bundle is not None
    assert decode(taken.body) == taken.bundle
    return [(taken.bundle.base_ns - AT) // MS + p.arrival_us // 1000 for p in taken.bundle.packets]


@pytest.fixture
def overlaps() -> Overlaps:
    return Overlaps(0.8)


def test_a_single_session_is_taken_whole(overlaps: Overlaps) -> None:
    read = [overlaps.read(message("a", start)) for start in range(0, 1000, 100)]
    assert [ms for each in read for ms in taken_of(overlaps, each)] == list(range(0, 1000, 20))


@pytest.mark.parametrize("behind", [0, 3, 20])
def test_the_later_session_goes_on_where_the_earlier_one_ends(overlaps: Overlaps, behind: int) -> None:
    both = [message("a", start, last=start == 900) for start in range(0, 1000, 100)]
    both += [message("b", start) for start in range(550, 1500, 100)]
    both.sort(key=lambda m: m.published_ns)
    # Messages of each session wait for earlier sessions, and for the recogniser, which may be behind.
    waiting: dict[str, list[CapturedMessage]] = {"a": [], "b": []}
    taken = []
    for number, each in enumerate([*both, *[None] * 20]):
        if each is not None:
            waiting[each.session_id].append(overlaps.read(each))
        for session in ("b", "a"):
            while waiting[session] and number >= behind and not overlaps.must_wait(waiting[session][0]):
                taken += taken_of(overlaps, waiting[session].pop(0))
                if session == "a":
                    break
    assert waiting == {"a": [], "b": []}
    assert sorted(taken) == [*range(0, 1000, 20), *range(990, 1550, 20)]


def test_the_later_one_waits_for_what_the_earlier_one_may_still_bring(overlaps: Overlaps) -> None:
    overlaps.read(message("a", 0))
    later = overlaps.read(message("b", 50))
    assert overlaps.must_wait(later), "the earlier one was read up to 80 ms, and this has 50 to 130"
    overlaps.read(message("a", 100))
    assert taken_of(overlaps, later) == []


def test_an_earlier_session_that_brings_nothing_is_waited_for_no_longer(overlaps: Overlaps) -> None:
    overlaps.read(message("a", 0))
    first = overlaps.read(message("b", 50))
    for start in range(150, 850, 100):
        overlaps.read(message("b", start))
        assert overlaps.must_wait(first)
    overlaps.read(message("b", 850))
    assert taken_of(overlaps, first) == [90, 110, 130]
    # Up to there the later session was taken already.
    assert taken_of(overlaps, overlaps.read(message("a", 100))) == [140, 160, 180]
    # From there on the earlier session counts again.
    later = overlaps.read(message("b", 950))
    overlaps.read(message("a", 900))
    assert overlaps.must_wait(later)


def test_where_nothing_is_read_at_all_waiting_ends(overlaps: Overlaps) -> None:
    overlaps.read(message("a", 0))
    later = overlaps.read(message("b", 50))
    overlaps.stop_waiting(later)
    assert taken_of(overlaps, later) == [90, 110, 130]


def test_others_who_speak_at_the_same_time_are_no_concern(overlaps: Overlaps) -> None:
    for each in (message("a", 0), message("b", 50, person="bob")):
        assert len(taken_of(overlaps, overlaps.read(each))) == 5


def test_a_session_that_was_closed_is_remembered(overlaps: Overlaps) -> None:
    first = overlaps.read(message("a", 0, last=True))
    waiting = overlaps.read(message("b", 50))
    taken_of(overlaps, first)
    overlaps.close(PERSON, "a")
    assert taken_of(overlaps, waiting) == [90, 110, 130], "it was read while the other one was open"
    overlaps.close(PERSON, "b")
    assert taken_of(overlaps, overlaps.read(message("c", 100))) == [140, 160, 180], "and after both were closed"


def test_a_clock_that_is_far_ahead_silences_nobody_for_long(overlaps: Overlaps) -> None:
    ahead = replace(message("a", 3_600_000, last=True), published_ns=AT)
    assert len(taken_of(overlaps, overlaps.read(ahead))) == 5
    assert len(taken_of(overlaps, overlaps.read(message("b", 61_000)))) == 5


def test_what_is_no_bundle_is_left_as_it_is(overlaps: Overlaps) -> None:
    overlaps.read(message("a", 0))
    broken = CapturedMessage(2, "b", PERSON, AT, "capture.v1.s.b", b"\x01", b"\x01", None)
    assert overlaps.read(broken) is broken
    assert not overlaps.must_wait(broken)
    assert overlaps.take(broken) is broken


def test_a_bundle_that_comes_again_is_known(overlaps: Overlaps) -> None:
    said = [message("a", start) for start in range(0, 1000, 100)]
    assert [overlaps.has_had(one) for one in said] == [False] * 10
    assert [overlaps.has_had(one) for one in (said[9], said[0], said[4])] == [True] * 3
    # Another session, or another moment, is something else; and what has no sound is nothing that could come again.
    assert not overlaps.has_had(message("b", 0))
    assert not overlaps.has_had(message("a", 1000))
    end = [message("a", 1100, count=0, last=True)] * 2
    assert [overlaps.has_had(one) for one in end] == [False, False]
