"""A connection that breaks in the middle of a question is no fault of the events that wait."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.presence.v1 import Counted
from libs.bus import Received, Retry
from libs.ids import new_id
from libs.refusal import Refusal
from services.analytics.app.engagement import Engagement
from services.analytics.app.forgetting import Forgetting

NOWHERE: Any = None


class Broken:
    """A bus whose connection breaks whenever it is used."""

    async def stream_epoch(self) -> str:
        raise ConnectionResetError

    async def last_sequence(self) -> int:
        raise BrokenPipeError


@pytest.fixture
def engagement() -> Engagement:
    broken: Any = Broken()
    return Engagement(broken, NOWHERE, Forgetting(NOWHERE))


async def test_events_wait_while_the_connection_is_broken(engagement: Engagement) -> None:
    now = datetime.now(UTC)
    counted = Counted(at=now, space_id=new_id(), listeners=1, on_stage=0)
    with pytest.raises(Retry):
        await engagement.store([Received(counted, 1, now, {})])


async def test_who_asks_is_told_to_ask_again(engagement: Engagement) -> None:
    with pytest.raises(Refusal) as refused:
        await engagement.figures(new_id())
    assert refused.value.retry
