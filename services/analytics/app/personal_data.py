"""What analytics holds of a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from libs.personal_data import Found, Held
from libs.refusal import Refusal
from services.analytics.adapters.clickhouse import ClickHouse, Unreachable
from services.analytics.questions import personal_data as question


def held(database: ClickHouse) -> Held:
    """The rows that name them, oldest first."""

    async def engagement(person: str, after: str) -> AsyncIterator[Found]:
        at, id = _place(after)
        while True:
            try:
                values = {"person": person, "at": at, "id": id}
                rows = [question.Row(*row) for row in await database.query(question.SQL, values)]
            except Unreachable as error:
                raise Refusal("unavailable", "The figures cannot be read at the moment.", retry=True) from error
            for row, record in zip(rows, question.answer(rows), strict=True):
                yield Found(f"{row.at.isoformat()} {row.event_id}", (record,))
            if len(rows) < question.LIMIT:
                return
            at, id = rows[-1].at, rows[-1].event_id

    return Held(engagement)


def _place(after: str) -> tuple[datetime, str]:
    if not after:
        return datetime(1970, 1, 1, tzinfo=UTC), ""
    at, _, id = after.partition(" ")
    try:
        return datetime.fromisoformat(at), id
    except ValueError:
        raise Refusal("invalid", "There is no such page.", field="after") from None
