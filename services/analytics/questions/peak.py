"""The most listeners at one time: the highest count published, or where none was, the most sessions open at once."""

from __future__ import annotations

from typing import Final, NamedTuple

from services.analytics.questions import OF_SPACE

SQL: Final = f"""
SELECT
    (SELECT maxIf(listeners, name = 'counted') {OF_SPACE} AND context = 'presence'),
    (SELECT countIf(name = 'counted') {OF_SPACE} AND context = 'presence'),
    max(there)
FROM (
    SELECT sum(step) OVER (ORDER BY at, step ROWS UNBOUNDED PRECEDING) AS there
    FROM (
        SELECT at, if(name = 'joined', 1, -1) AS step
        {OF_SPACE} AND context = 'presence' AND session_id IN (
            SELECT session_id {OF_SPACE} AND context = 'presence' AND name = 'joined' AND role = 'listener'
        ) AND name IN ('joined', 'left')
    )
)
"""


class Row(NamedTuple):
    """The only row, also of a Space that nobody knows."""

    most_counted: int
    """The highest count of listeners that was published."""
    counts: int
    """How many counts were published."""
    sessions: int
    """The most listeners' sessions open at one time."""


def answer(row: Row) -> int:
    """The peak, as it was counted or, where nothing was, as the sessions tell."""
    return row.most_counted if row.counts else row.sessions
