"""Where listeners came from: sessions by the source that their client named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from services.analytics.questions import OF_SPACE

SQL: Final = f"""
SELECT source, uniqExact(session_id)
{OF_SPACE} AND context = 'presence' AND name = 'joined' AND role = 'listener'
    AND subject_id = ''
GROUP BY source ORDER BY source
"""


class Row(NamedTuple):
    """One source."""

    source: str
    sessions: int


def answer(rows: Iterable[Row]) -> dict[str, int]:
    """Sessions by source."""
    return {row.source: row.sessions for row in rows}
