"""Lookups are counted in windows of time."""

from __future__ import annotations

from libs import rate_limit
from libs.rate_limit import Window, Windows


class Clock:
    """Seconds of the Unix epoch, as a test says."""

    now = 1_000_000.25

    def __call__(self) -> float:
        return self.now


def test_a_window_begins_with_its_first_request_and_ends_as_it_says() -> None:
    clock = Clock()
    windows = Windows(2, 900, clock)
    assert windows.take("ann", "one") == Window(2, 1, 1_000_901, allowed=True)
    clock.now += 899.5
    assert windows.take("ann", "one") == Window(2, 0, 1_000_901, allowed=True)
    assert windows.take("ann", "one") == Window(2, 0, 1_000_901, allowed=False)
    # Everybody has windows of their own, for each kind.
    assert windows.take("bob", "one").remaining == 1
    assert windows.take("ann", "other").remaining == 1
    clock.now = 1_000_901
    assert windows.take("ann", "one") == Window(2, 1, 1_001_801, allowed=True)


def test_what_is_over_is_forgotten_and_what_is_remembered_is_bounded() -> None:
    clock = Clock()
    windows = Windows(1, 10, clock)
    for n in range(rate_limit.REMEMBERED + 5):
        windows.take(str(n), "x")
    assert len(windows) == rate_limit.REMEMBERED
    clock.now += 11
    assert windows.take("one", "x").allowed
    assert len(windows) == 1


def test_a_clock_that_is_set_back_leaves_nobody_out_for_long() -> None:
    clock = Clock()
    windows = Windows(1, 900, clock)
    windows.take("ann", "x")
    clock.now -= 1_000_000
    told = windows.take("ann", "x")
    assert (told.allowed, told.reset) == (True, 900 + 1)
