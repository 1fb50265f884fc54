"""Analytics warns before the stream drops what its tables lack."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import nats.errors
import pytest

from contracts.presence.v1 import Counted
from libs.bus import Received, Retry
from libs.ids import new_id
from libs.refusal import Refusal
from services.analytics.adapters.clickhouse import Unreachable
from services.analytics.app.engagement import Engagement
from services.analytics.app.forgetting import Forgetting

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)


class Tables:
    """An engine that can be away."""

    away = False

    async def query(self, *arguments: object) -> list[object]:
        if self.away:
            raise Unreachable("no answer")
        return []

    async def insert(self, *arguments: object) -> None:
        if self.away:
            raise Unreachable("no answer")


async def _epoch() -> str:
    return "1"


def _batch(at: datetime, count: int = 1) -> list[Received]:
    headers: Mapping[str, str] = {"ce-id": "1", "ce-source": "/rostrum/room"}
    event = Counted(at=at, space_id=new_id(), listeners=1, on_stage=0)
    return [Received(event, sequence, at, headers) for sequence in range(1, count + 1)]


async def test_it_says_how_far_it_is_behind_once_half_of_the_time_is_over() -> None:
    tables, now = Tables(), [START]
    bus = cast("Any", SimpleNamespace(stream_epoch=_epoch, settings=SimpleNamespace(moments_kept=14 * 86_400.0)))
    engagement = Engagement(
        bus, cast("Any", tables), Forgetting(cast("Any", tables)), insert_every=0, insert_rows=3, now=lambda: now[0]
    )
    assert engagement.behind() is None
    tables.away = True
    with pytest.raises(Retry):
        await engagement.store(_batch(START))
    now[0] = START + 6.9 * DAY
    assert engagement.behind() is None
    now[0] = START + 7.1 * DAY
    assert (engagement.behind() or "").startswith("7.1 days behind; the stream keeps")

    tables.away = False
    await engagement.store(_batch(START, 3))
    assert engagement.behind() is not None, "a full batch: there is more behind it"
    await engagement.store(_batch(START + 7 * DAY, 2))
    now[0] += 30 * DAY
    assert engagement.behind() is None, "nothing waits, however long nothing has happened"


@pytest.mark.parametrize("error", [TimeoutError(), nats.errors.NoRespondersError()])
async def test_while_the_stream_does_not_answer_the_figures_are_to_be_asked_for_later(error: Exception) -> None:
    async def away() -> int:
        raise error

    bus, tables = cast("Any", SimpleNamespace(last_sequence=away)), cast("Any", Tables())
    engagement = Engagement(bus, tables, Forgetting(tables))
    with pytest.raises(Refusal, match="unavailable") as later:
        await engagement.figures(new_id())
    assert later.value.retry
