"""Events that webhooks want: each is kept once, sealed as in the stream, until it is too old to be sent again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from libs.tables import Statements

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS events (n BIGINT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, "
    "lane TEXT NOT NULL, space TEXT NOT NULL, at DOUBLE PRECISION NOT NULL, taken_at DOUBLE PRECISION NOT NULL, "
    "subject TEXT NOT NULL, body TEXT NOT NULL)",
    "CREATE UNIQUE INDEX IF NOT EXISTS events_id ON events (id)",
    "CREATE INDEX IF NOT EXISTS events_lane ON events (lane, n)",
    "CREATE INDEX IF NOT EXISTS events_taken_at ON events (taken_at)",
)
EVENT: Final = "n, id, type, lane, space, at, subject, body"
"""The columns of a `Kept`."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An event as it is kept."""

    n: int
    id: str
    type: str
    lane: str
    space: str
    """Empty where it concerns none."""
    at: float
    subject: str
    body: str


def keep(db: Statements, event: Kept, now: float) -> bool:
    """Keep an event, inside the transaction in which the place in the stream moves past it; whether it is new."""
    added = db.execute(
        f"INSERT INTO events ({EVENT}, taken_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING "
        "RETURNING n",
        event.n, event.id, event.type, event.lane, event.space, event.at, event.subject, event.body, now,
    )  # fmt: skip
    return bool(added)


def forget_lane(db: Statements, lane: str, but: Collection[str]) -> None:
    """Delete the events of a Space or a person, but those of some types."""
    rows = db.execute("SELECT n, type FROM events WHERE lane = ?", lane)
    for n, type in rows:
        if type not in but:
            db.execute("DELETE FROM singles WHERE n = ?", n)
            db.execute("DELETE FROM events WHERE n = ?", n)
