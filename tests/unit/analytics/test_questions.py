"""From the rows of the questions to the figures of a Space."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from contracts.analytics.v1 import SpaceFigures
from services.analytics.questions import peak, retention_curve, space_figures, totals
from tests.support.events import at, space

TEA = space("tea")
NOTHING = totals.Row(0, 0, 0, 0, None, None, {}, 0, 0)
EMPTY = peak.Row(0, 0, 0)


def figures(
    total: totals.Row, *, most: peak.Row = EMPTY, by_minute: Sequence[retention_curve.Row] = (), now: datetime
) -> SpaceFigures:
    return space_figures.answer(
        TEA, total=total, most=most, by_source=[], by_minute=by_minute, by_speaker=[],
        now=now, through_sequence=1,
    )  # fmt: skip


@pytest.mark.parametrize("counted", [0, 3])
def test_the_peak_is_the_one_counted_and_where_none_was_the_one_of_the_sessions(counted: int) -> None:
    told = figures(totals.Row(2, 2, 1, 1, at(0), at(60), {}, 0, 0), most=peak.Row(4, counted, 9), now=at(99))
    assert told.peak_listeners == (4 if counted else 9)
    assert told.total_listeners == 3
    assert told.duration_seconds == 60


def test_a_minute_without_a_count_keeps_the_last_one() -> None:
    counted = [retention_curve.Row(0, 5, 3), retention_curve.Row(3, 4, 0)]
    told = figures(NOTHING._replace(started=at(0), ended=at(300)), by_minute=counted, now=at(999))
    assert [count.listeners for count in told.listeners_by_minute] == [5, 3, 3, 4, 0, 0]


def test_a_live_space_lasts_until_now() -> None:
    told = figures(NOTHING._replace(started=at(0)), now=at(90))
    assert timedelta(seconds=told.duration_seconds) == timedelta(seconds=90)
    assert len(told.listeners_by_minute) == 2


def test_a_space_nobody_knows_has_no_figures() -> None:
    told = figures(NOTHING, now=at(0))
    assert told.duration_seconds == told.peak_listeners == told.total_listeners == 0
