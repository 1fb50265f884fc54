"""The store's facts one after another, as they were committed: what relays and read models follow."""

from __future__ import annotations

import asyncio
from typing import Final

from libs.eventstore.condition import Condition
from libs.eventstore.facts import decode
from libs.eventstore.recorder import Recorder
from libs.eventstore.words import Notification

PAGE: Final = 1000


class Log:
    """The notification log of one store."""

    def __init__(self, recorder: Recorder, condition: Condition) -> None:
        self._recorder = recorder
        self._condition = condition
        self._news = asyncio.Event()

    async def read(self, after: int, limit: int) -> list[Notification]:
        """Committed facts with a notification id above `after`, in order. Raises Refusal."""
        with self._condition.reading():
            return await asyncio.to_thread(self._select, after, limit)

    def _select(self, after: int, limit: int) -> list[Notification]:
        rows = self._recorder.select_notifications(after, limit, inclusive_of_start=False)
        return [Notification(r.id, str(r.originator_id), r.originator_version, decode(r.topic, r.state)) for r in rows]

    async def last(self) -> int:
        """Id of the newest committed fact, 0 where there is none. Raises Refusal."""
        with self._condition.reading():
            return (await asyncio.to_thread(self._recorder.max_notification_id)) or 0

    async def wait(self, timeout: float) -> None:
        """Until `wake` is called, at most `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                await self._news.wait()
        except TimeoutError:
            pass
        self._news.clear()

    def wake(self) -> None:
        """Let whoever waits look."""
        self._news.set()
