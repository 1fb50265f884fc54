"""The log of attempts to tell webhooks. What was sent is not on it, nor what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from libs.tables import Statements, Tables

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS attempts (id BIGINT PRIMARY KEY, webhook TEXT NOT NULL, n BIGINT NOT NULL, "
    "message TEXT NOT NULL, type TEXT NOT NULL, space TEXT NOT NULL, event_at DOUBLE PRECISION NOT NULL, "
    "at DOUBLE PRECISION NOT NULL, attempt BIGINT NOT NULL, outcome TEXT NOT NULL, status BIGINT, "
    "error TEXT NOT NULL, milliseconds BIGINT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS attempts_webhook ON attempts (webhook, id)",
    "CREATE INDEX IF NOT EXISTS attempts_at ON attempts (at)",
)
_LOGGED: Final = "id, message, type, space, event_at, at, attempt, outcome, status, error, milliseconds"


@dataclass(frozen=True, slots=True)
class LoggedAttempt:
    """What became of an attempt."""

    id: int
    message: str
    type: str
    space: str
    event_at: float
    at: float
    attempt: int
    outcome: str
    status: int | None
    error: str
    milliseconds: int


class AttemptLog:
    """The log. Its methods raise TablesAway."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def page(
        self, webhook: str, before: int | None, message: str | None, *, failed: bool, limit: int
    ) -> list[LoggedAttempt]:
        """Attempts, newest first."""
        where = "webhook = ?"
        values: list[Any] = [webhook]
        if before is not None:
            where += " AND id < ?"
            values.append(before)
        if message is not None:
            where += " AND message = ?"
            values.append(message)
        if failed:
            where += " AND outcome IN ('failed', 'given_up')"
        statement = f"SELECT {_LOGGED} FROM attempts WHERE {where} ORDER BY id DESC LIMIT ?"
        rows = await self._tables.run(lambda db: db.execute(statement, *values, limit))
        return [LoggedAttempt(*row) for row in rows]


def write(db: Statements, webhook: str, n: int, one: LoggedAttempt) -> None:
    """Write down an attempt to tell a webhook of the event `n`; its `id` is the next one."""
    ((last,),) = db.execute("SELECT coalesce(max(id), 0) FROM attempts")
    db.execute(
        "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        last + 1, webhook, n, one.message, one.type, one.space, one.event_at, one.at, one.attempt, one.outcome,
        one.status, one.error[:300], one.milliseconds,
    )  # fmt: skip
