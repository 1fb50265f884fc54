"""The rows that name a person: what they did, and what everybody may see that happened to them.

Left out is what only operators know of them (that somebody reported them), and what others did to them (that somebody
follows or blocks them): such a row names them on its other side.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import JsonValue

from contracts.personal_data import HeldRecord
from services.analytics.projection import TABLE

LIMIT: Final = 1_000
"""Rows of one answer. Each has some hundred bytes."""
_SECRET: Final = ("people.reported", "people.report_copied", "room.removal_recorded", "recording.safety_copy_heard")

SQL: Final = f"""
SELECT
    at, event_id, space_id, concat(context, '.', name) AS what, session_id,
    if(person_id = {{person:String}}, other_id, ''),
    subject_id, role, platform, source, direction, reason, seconds, packets, lost, fraction_lost, jitter_ms,
    round_trip_ms, provider, currency, amount_minor
FROM {TABLE} FINAL
WHERE (person_id = {{person:String}} OR has(people, {{person:String}}))
    AND what NOT IN {_SECRET}
    AND (at, event_id) > ({{at:DateTime64(6, 'UTC')}}, {{id:String}})
ORDER BY at, event_id LIMIT {LIMIT}
"""


class Row(NamedTuple):
    """One event."""

    at: datetime
    event_id: str
    space_id: str
    event: str
    session_id: str
    other_id: str
    subject_id: str
    role: str
    platform: str
    source: str
    direction: str
    reason: str
    seconds: float
    packets: int
    lost: int
    fraction_lost: float
    jitter_ms: float
    round_trip_ms: float
    provider: str
    currency: str
    amount_minor: int


def answer(rows: Iterable[Row]) -> list[HeldRecord]:
    """A record for each row, without what says nothing."""
    return [HeldRecord(subject="engagement", at=row.at, fields=_said(row)) for row in rows]


def _said(row: Row) -> dict[str, JsonValue]:
    fields: dict[str, Any] = row._asdict()
    del fields["at"], fields["event_id"]
    return {name: value for name, value in fields.items() if value}
