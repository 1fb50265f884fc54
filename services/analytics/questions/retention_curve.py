"""The retention curve: the most listeners of each minute from the start to the end, or to now while it is live.

Counts are published when they change; a minute without one keeps the last.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from contracts.analytics.v1 import MinuteCount
from services.analytics.questions import OF_SPACE

SQL: Final = f"""
SELECT
    intDiv(dateDiff('millisecond', {{start:DateTime64(6, 'UTC')}}, at), 60000) AS minute,
    max(listeners),
    argMax(listeners, (at, sequence))
{OF_SPACE} AND context = 'presence' AND name = 'counted'
    AND at >= {{start:DateTime64(6, 'UTC')}} AND at <= {{end:DateTime64(6, 'UTC')}}
GROUP BY minute ORDER BY minute
"""
_AT_MOST: Final = 20_000


class Row(NamedTuple):
    """A minute in which listeners were counted."""

    minute: int
    """Since the start."""
    most: int
    last: int


def answer(rows: Iterable[Row], started: datetime | None, end: datetime) -> tuple[MinuteCount, ...]:
    """Every minute in turn; none for a Space that did not start."""
    if started is None or end < started:
        return ()
    counted = {row.minute: row for row in rows}
    result = []
    there = 0
    for minute in range(min(int((end - started).total_seconds() // 60) + 1, _AT_MOST)):
        row = counted.get(minute, Row(minute, there, there))
        result.append(MinuteCount(minute=minute, listeners=max(there, row.most)))
        there = row.last
    return tuple(result)
