"""The store's facts one after another, as they were committed: what relays and read models follow."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

from libs.eventstore.condition import Condition
from libs.eventstore.facts import Notification, decode
from libs.eventstore.recorder import Recorder

PAGE: Final = 1000
_KEPT: Final = 8 * PAGE


class Log:
    """The notification log of one store."""

    def __init__(self, recorder: Recorder, condition: Condition) -> None:
        self._recorder = recorder
        self._condition = condition
        self._news = 0
        """How often `wake` was called."""
        self._woken = asyncio.Event()
        """Set by the next `wake`, which makes another one for whoever waits after it."""
        self._newest: deque[Notification] = deque(maxlen=_KEPT)
        """What this process committed last, one after another without a gap."""

    async def read(self, after: int, limit: int) -> list[Notification]:
        """Committed facts with a notification id above `after`, in order. Raises Refusal."""
        with self._condition.reading():
            return await asyncio.to_thread(self._select, after, limit)

    def _select(self, after: int, limit: int) -> list[Notification]:
        rows = self._recorder.select_notifications(after, limit, inclusive_of_start=False)
        return [Notification(r.id, str(r.originator_id), r.originator_version, decode(r.topic, r.state)) for r in rows]

    def append(self, committed: Sequence[Notification]) -> None:
        """Keep what this process has just committed, in order."""
        if not committed:
            return
        if committed[-1].id - committed[0].id >= len(committed):
            for one in committed:  # what another process committed lies somewhere between
                self.append((one,))
            return
        if self._newest and committed[0].id != self._newest[-1].id + 1:
            self._newest.clear()  # and here it lies before
        self._newest.extend(committed)

    def forget(self) -> None:
        """Read everything from the store: facts were rewritten."""
        self._newest.clear()

    def newest(self, after: int, limit: int) -> list[Notification]:
        """The same as `read` from memory, as far as it reaches: without what others committed since, and nothing at all
        where `after` lies further back."""
        if not self._newest or not self._newest[0].id <= after + 1 <= self._newest[-1].id:
            return []
        count = self._newest[-1].id - after
        if count > limit:
            start = after + 1 - self._newest[0].id
            return list(islice(self._newest, start, start + limit))
        # From the end, where nearly everybody reads: from the beginning it walks over all that is kept.
        return list(islice(reversed(self._newest), count))[::-1]

    async def last(self) -> int:
        """Id of the newest committed fact, 0 where there is none. Raises Refusal."""
        with self._condition.reading():
            return (await asyncio.to_thread(self._recorder.max_notification_id)) or 0

    async def wait(self, heard: int, timeout: float) -> int:
        """Until `wake` was called after `heard`, at most `timeout` seconds; returns what to give the next time. Any
        number may wait, and none misses what came while it was busy."""
        if self._news == heard:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._woken.wait()
        return self._news

    def wake(self) -> None:
        """Let whoever waits look."""
        self._news += 1
        self._woken.set()
        self._woken = asyncio.Event()
