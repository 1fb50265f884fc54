"""How long each speaker talked.

Talk time is the sum of the stretches that media reports when they end. A stretch that goes on, or whose report was lost
with its node, is taken from who was heard: from `speaking` to the next `speaking` of that node, a minute at most, where
no report of that person ends or begins within a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from libs.ids import is_id
from services.analytics.questions import OF_SPACE

SQL: Final = f"""
WITH
    talked AS (
        SELECT person_id AS person, at AS finish, at - toIntervalMicrosecond(toInt64(seconds * 1e6)) AS start, seconds
        {OF_SPACE} AND context = 'media' AND name = 'talked'
    ),
    heard AS (
        SELECT arrayJoin(people) AS person, since, least(next, since + toIntervalSecond(60)) AS finish
        FROM (
            SELECT people, at AS since, leadInFrame(at, 1, {{end:DateTime64(6, 'UTC')}}) OVER (
                PARTITION BY node_id ORDER BY at, sequence ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
            ) AS next
            {OF_SPACE} AND context = 'media' AND name = 'speaking'
        )
    )
SELECT person, sum(seconds) FROM (
    SELECT person, seconds FROM talked
    UNION ALL
    SELECT
        h.person,
        greatest(0, dateDiff('microsecond', h.since, if(n.person = '', h.finish, least(h.finish, n.start))) / 1e6)
    FROM heard AS h
    ASOF LEFT JOIN talked AS n ON n.person = h.person AND n.finish >= h.since
    ASOF LEFT JOIN talked AS p ON p.person = h.person AND p.finish <= h.since
    WHERE (n.person = '' OR n.start > h.since + toIntervalSecond(1))
        AND (p.person = '' OR p.finish < h.since - toIntervalSecond(1))
)
GROUP BY person ORDER BY person
"""


class Row(NamedTuple):
    """One speaker."""

    person: str
    seconds: float


def answer(rows: Iterable[Row]) -> dict[str, float]:
    """Seconds by person; of those who are forgotten nothing."""
    return {row.person: round(row.seconds, 3) for row in rows if is_id(row.person)}
