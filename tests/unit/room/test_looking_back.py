"""Who sees how a Space was at an earlier moment, and that nothing of it comes back that is gone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from libs.eventstore import Fact
from libs.refusal import Refusal
from services.room.domain.facts import (
    Created,
    Ended,
    HostChanged,
    Invited,
    Pinned,
    Removed,
    RequestDeclined,
    SpeakRequested,
    StageLeft,
    Started,
    Unpinned,
)
from services.room.domain.looking_back import look_back, without_what_is_gone
from services.room.domain.space import Space
from services.room.domain.values import Settings
from tests.unit.room.given import (
    ANN,
    ANN_ASKS,
    ANN_SPEAKS,
    BOB,
    COHOST,
    HOST,
    LIVE,
    NOW,
    WITH_COHOST,
    space_after,
)

OVER: tuple[Fact, ...] = (*LIVE, ANN_SPEAKS, Ended(reason="host"))


def may(space: Space, person: str | None, *, operator: bool = False) -> bool:
    try:
        look_back(space, person, operator=operator)
    except Refusal as no:
        if no.reason != "not_allowed":
            raise
        return False
    return True


def private(**chosen: object) -> tuple[Fact, ...]:
    settings = Settings(title="On bees", **chosen)  # type: ignore[arg-type]
    return (Created(host=HOST, settings=settings), Started(host=HOST, settings=settings), *OVER[2:])


def test_while_it_is_live_hosts_and_operators_and_nobody_else() -> None:
    space = space_after(*WITH_COHOST, ANN_SPEAKS)
    assert [may(space, who) for who in (HOST.id, COHOST.id)] == [True, True]
    assert [may(space, who) for who in (ANN.id, BOB.id, None)] == [False, False, False]
    assert may(space, BOB.id, operator=True)
    assert may(space, None, operator=True)


def test_once_it_is_over_everybody_if_it_was_for_everybody() -> None:
    assert [may(space_after(*OVER), who) for who in (HOST.id, ANN.id, BOB.id, None)] == [True] * 4
    for facts in (private(who_can_join="followers"), private(who_can_join="invited"), private(kind="conversation")):
        space = space_after(*facts)
        assert [may(space, who) for who in (HOST.id, ANN.id, BOB.id, None)] == [True, False, False, False]
        assert may(space, None, operator=True)


def test_by_who_they_are_today_and_not_by_who_they_were_then() -> None:
    space = space_after(*WITH_COHOST, HostChanged(host=COHOST, previous_id=HOST.id, reason="handed_over"))
    assert look_back(space, COHOST.id, operator=False).is_hosts
    assert not may(space, HOST.id)
    assert not look_back(space, HOST.id, operator=True).is_hosts


def past(*facts: Fact, at: int, erased: Collection[str] = ()) -> Space:
    """The state after fact number `at` of them all."""
    present = look_back(space_after(*facts), HOST.id, operator=True)
    return without_what_is_gone(space_after(*facts[:at]), present, lambda id: id in erased)


def test_a_pin_that_was_taken_away_and_a_request_that_is_over_have_no_words() -> None:
    def pinned(number: int) -> Pinned:
        return Pinned(pin_id=f"p{number}", url="https://example.org", text="Read", person=HOST)

    facts = (*LIVE, ANN_ASKS, SpeakRequested(person=BOB, message="me"), pinned(1), pinned(2))
    then = past(*facts, at=6)
    assert (list(then.pins), [one.message for one in then.requests.values()]) == (["p1", "p2"], ["please", "me"])
    later = (
        *facts,
        Unpinned(pin_id="p1"),
        RequestDeclined(person_id=ANN.id),
        SpeakRequested(person=ANN, message="new"),
    )
    then = past(*later, at=6)
    assert (list(then.pins), [one.message for one in then.requests.values()]) == (["p2"], ["", "me"])


def test_nobody_who_was_erased_and_nothing_that_they_wrote_is_in_it() -> None:
    facts = (
        *WITH_COHOST, ANN_SPEAKS, Invited(person=BOB, to="join"), Removed(person_id=BOB.id, because="removed"),
        StageLeft(person_id=ANN.id),
    )  # fmt: skip
    then = past(*facts, at=6)
    assert (list(then.stage), list(then.invited), list(then.removed)) == (
        [HOST.id, COHOST.id, ANN.id], [BOB.id], [BOB.id],
    )  # fmt: skip
    then = past(*facts, at=6, erased={ANN.id, BOB.id})
    assert (list(then.stage), list(then.invited), list(then.removed)) == ([HOST.id, COHOST.id], [], [])
    assert then.settings.title
    then = past(*facts, at=6, erased={HOST.id})
    assert (list(then.stage), then.settings.title) == ([COHOST.id, ANN.id], "")


def test_of_an_ephemeral_space_that_is_over_there_are_its_times() -> None:
    settings = Settings(title="On bees", ephemeral=True)
    live = (Created(host=HOST, settings=settings), Started(host=HOST, settings=settings))
    facts = (*live, ANN_SPEAKS, Invited(person=BOB, to="join"), Ended(reason="host"))
    then = past(*facts, at=4)
    assert (then.state, then.settings.title, then.started_at) == ("live", "", NOW + timedelta(seconds=1))
    assert (then.stage, then.invited, then.stood) == ({}, {}, {})
    assert past(*facts[:-1], at=4).stage
