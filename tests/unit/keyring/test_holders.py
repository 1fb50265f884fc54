"""It is known when no process holds a destroyed key any more, and never too early."""

from __future__ import annotations

from datetime import UTC, datetime

from libs.keyring import Entry, ErasureTarget, Holders

AT = datetime(2026, 1, 2, tzinfo=UTC)
BOTH = "person:ann|space:tea"


def entry(number: int, what: str, unit: str | None = None) -> Entry:
    return Entry(number, AT, ErasureTarget(what, unit))


def settled() -> Holders:
    """Where nothing was given out before."""
    return Holders(300.0, started=None)


def test_it_is_done_at_once_where_nobody_has_it() -> None:
    holders = settled()
    holders.given("room", ["space:other"], 0.0)
    holders.destroyed(entry(1, "person:ann"), 1.0)
    assert holders.done(1.0) == 1


def test_it_is_done_when_every_holder_has_said_so() -> None:
    holders = settled()
    for holder in ("room", "recording"):
        holders.given(holder, [BOTH], 0.0)
    holders.destroyed(entry(1, "person:ann"), 1.0)
    holders.dropped("room", 1)
    assert holders.done(2.0) is None
    holders.dropped("recording", 1)
    assert holders.done(2.0) == 1


def test_or_when_the_last_lease_is_over() -> None:
    holders = settled()
    holders.given("room", [BOTH], 0.0)
    holders.given("room", [BOTH], 100.0)
    holders.destroyed(entry(1, BOTH, "title"), 101.0)
    assert holders.next_end(101.0) == 400.0
    assert holders.done(399.9) is None
    assert holders.done(400.0) == 1


def test_who_asks_afterwards_is_not_waited_for() -> None:
    holders = settled()
    holders.destroyed(entry(1, BOTH, "title"), 0.0)
    holders.given("room", [BOTH], 1.0)
    assert holders.done(1.0) == 1


def test_after_a_restart_one_lease_is_waited_for_since_somebody_may_have_anything() -> None:
    holders = Holders(300.0, started=0.0)
    holders.destroyed(entry(1, "person:ann"), 10.0)
    holders.dropped("room", 1)
    assert holders.done(299.0) is None
    assert holders.done(300.0) == 1


def test_they_are_done_in_the_order_of_the_ledger() -> None:
    holders = settled()
    holders.given("room", [BOTH], 0.0)
    holders.destroyed(entry(1, BOTH, "title"), 1.0)
    holders.destroyed(entry(2, "space:other"), 1.0)
    assert holders.done(1.0) is None
    holders.dropped("room", 2)
    assert holders.done(1.0) == 2
    holders.settle(2)
    assert (holders.pending(), holders.done(1.0)) == ([], None)
