"""The figures of a Space that its host is shown: the answers of the questions beside this one, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from contracts.analytics.v1 import SpaceFigures
from services.analytics.adapters.clickhouse import ClickHouse
from services.analytics.questions import peak, retention_curve, sources, talk, totals

Row = TypeVar("Row")


async def ask(database: ClickHouse, space_id: str, now: datetime, through_sequence: int) -> SpaceFigures:
    """The figures in the tables, which reach up to `through_sequence`. Raises Unreachable."""

    async def rows(sql: str, row: Callable[..., Row], parameters: Mapping[str, Any]) -> list[Row]:
        return [row(*values) for values in await database.query(sql, parameters)]

    space = {"space": space_id}
    (total,) = await rows(totals.SQL, totals.Row, space)
    times = {**space, "start": total.started or now, "end": total.ended or now}
    (most,) = await rows(peak.SQL, peak.Row, space)
    return answer(
        space_id,
        total=total,
        most=most,
        by_source=await rows(sources.SQL, sources.Row, space),
        by_minute=await rows(retention_curve.SQL, retention_curve.Row, times),
        by_speaker=await rows(talk.SQL, talk.Row, times),
        now=now,
        through_sequence=through_sequence,
    )


def answer(
    space_id: str,
    *,
    total: totals.Row,
    most: peak.Row,
    by_source: Iterable[sources.Row],
    by_minute: Iterable[retention_curve.Row],
    by_speaker: Iterable[talk.Row],
    now: datetime,
    through_sequence: int,
) -> SpaceFigures:
    """The figures, from the rows of all questions. A Space that is live lasts until `now`."""
    end = total.ended or now
    return SpaceFigures(
        space_id=space_id,
        peak_listeners=peak.answer(most),
        total_listeners=total.persons + max(0, total.anonymous - total.signed_up),
        speakers=total.speakers,
        duration_seconds=max(0.0, (end - total.started).total_seconds()) if total.started else 0.0,
        talk_seconds_by_speaker=talk.answer(by_speaker),
        reactions={kind: count for kind, count in sorted(total.reactions.items()) if count},
        tips_offered=total.tips_offered,
        tips_confirmed=total.tips_confirmed,
        listeners_by_minute=retention_curve.answer(by_minute, total.started, end),
        sources=sources.answer(by_source),
        through_sequence=through_sequence,
    )
