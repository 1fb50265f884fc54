"""The rows that name a person: what they did, and what everybody may see that happened to them.

Left out is what only operators know of them (that somebody reported them), and what others did to them (that somebody
follows or blocks them): such a row names them on its other side.

They come in the order in which the table has them, Space by Space: so a page begins where the one before ended, and an
index leaves out the parts of the table that name other people only.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import JsonValue

from contracts.personal_data import HeldRecord
from services.analytics.projection import NAMED, PLACE, TABLE

LIMIT: Final = 1_000
"""Rows of one answer. Each has some hundred bytes."""
_IN_OTHER_WORDS: Final = ("at", "event_id", "context", "name")
_SECRET: Final = ("people.reported", "people.report_copied", "room.removal_recorded", "recording.safety_copy_heard")

SQL: Final = f"""
SELECT
    at, event_id, space_id, context, name, session_id,
    if(person_id = {{person:String}}, other_id, ''),
    subject_id, role, platform, source, direction, reason, seconds, packets, lost, fraction_lost, jitter_ms,
    round_trip_ms, provider, currency, amount_minor
FROM {TABLE} FINAL
WHERE has({NAMED}, {{person:String}}) AND (person_id = {{person:String}} OR has(people, {{person:String}}))
    AND concat(context, '.', name) NOT IN {_SECRET}
    AND space_id >= {{space:String}} AND ({", ".join(PLACE)})
        > ({{space:String}}, {{context:String}}, {{name:String}}, {{at:DateTime64(6, 'UTC')}}, {{event_id:String}})
ORDER BY {", ".join(PLACE)} LIMIT {LIMIT}
"""
"""`space_id >=` says nothing new, but ClickHouse begins to read there."""


class Row(NamedTuple):
    """One event."""

    at: datetime
    event_id: str
    space_id: str
    context: str
    name: str
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
    fields: dict[str, Any] = {"event": f"{row.context}.{row.name}", **row._asdict()}
    return {name: value for name, value in fields.items() if value and name not in _IN_OTHER_WORDS}
