"""What analytics holds of a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from libs.personal_data import Found, Held
from libs.refusal import Refusal
from services.analytics.adapters.clickhouse import ClickHouse, Unreachable
from services.analytics.questions import personal_data as question


def held(database: ClickHouse) -> Held:
    """The rows that name them, Space by Space, and of a Space by kind and time."""

    async def engagement(person: str, after: str) -> AsyncIterator[Found]:
        place = _place(after)
        while True:
            try:
                values = {"person": person, **place}
                rows = [question.Row(*row) for row in await database.query(question.SQL, values)]
            except Unreachable as error:
                raise Refusal("unavailable", "The figures cannot be read at the moment.", retry=True) from error
            for row, record in zip(rows, question.answer(rows), strict=True):
                yield Found(
                    " ".join((row.space_id, row.context, row.name, row.at.isoformat(), row.event_id)), (record,)
                )
            if len(rows) < question.LIMIT:
                return
            last = rows[-1]
            place = _named(last.space_id, last.context, last.name, last.at, last.event_id)

    return Held(engagement)


def _place(after: str) -> dict[str, Any]:
    if not after:
        return _named("", "", "", datetime(1970, 1, 1, tzinfo=UTC), "")
    try:
        space_id, context, name, at, event_id = after.split(" ", 4)
        return _named(space_id, context, name, datetime.fromisoformat(at), event_id)
    except ValueError:
        raise Refusal("invalid", "There is no such page.", field="after") from None


def _named(space_id: str, context: str, name: str, at: datetime, event_id: str) -> dict[str, Any]:
    return {"space": space_id, "context": context, "name": name, "at": at, "event_id": event_id}
