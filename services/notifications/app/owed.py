"""What follows from events of people: done again after a crash until it is done."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from libs.aio import Rounds
from libs.bus import Unavailable
from libs.refusal import Refusal
from libs.tables import TablesAway
from services.notifications.adapters.inbox import Inbox

_log = logging.getLogger(__name__)
_PAUSE: Final = 1.0


class Owed:
    """Does what is owed, by its kind."""

    def __init__(self, kept: Inbox, kinds: Mapping[str, Callable[[str], Awaitable[None]]]) -> None:
        """`kinds`: what is done with an id. Doing it again changes nothing. Raises Refusal, Unavailable."""
        self._inbox = kept
        self._kinds = kinds
        self._rounds = Rounds(
            self._look, log=_log, later="what is owed is done later", away=(Refusal, Unavailable, TablesAway),
            pause=_PAUSE,
        )  # fmt: skip

    def wake(self) -> None:
        """There is more."""
        self._rounds.wake()

    def trouble(self) -> str | None:
        """For readiness."""
        return self._rounds.trouble()

    async def run(self) -> None:
        """For ever."""
        await self._rounds.run()

    async def _look(self) -> None:
        for kind, id in await self._inbox.owed():
            await self._kinds[kind](id)
            await self._inbox.settle(kind, id)
