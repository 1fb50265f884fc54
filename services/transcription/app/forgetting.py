"""Keys of words that nobody may be shown any more are destroyed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from contracts.people import v1 as people
from libs.aio import Rounds
from libs.bus import Bus, Unavailable
from libs.eventstore import Store
from libs.ids import new_id
from libs.refusal import Refusal
from services.transcription.projection.unwanted import Unwanted

_log = logging.getLogger(__name__)
_AGAIN: Final = 1.0
_LOOK: Final = 30.0
_BEHIND: Final = 0.2


class Destroyer:
    """Has the keys destroyed of whatever the stored facts say is unwanted: after a crash too, and also where the owner
    of keys was away."""

    def __init__(self, bus: Bus, store: Store[Any], unwanted: Unwanted, published: Callable[[], int]) -> None:
        """`published` tells the notification id up to which everything was relayed: what was not keeps its key."""
        self._bus = bus
        self._store = store
        self._unwanted = unwanted
        self._published = published
        self._rounds = Rounds(
            self._destroy, log=_log, later="words are destroyed later", away=(Unavailable, Refusal), pause=_AGAIN
        )

    def look(self, *_: object) -> None:
        """There may be something."""
        self._rounds.wake()

    async def run(self) -> None:
        """For ever."""
        await self._rounds.run()

    async def _destroy(self) -> float:
        """Destroy what is unwanted by now; seconds until there is to be another look."""
        await self._unwanted.catch_up(self._store)
        while (found := self._unwanted.next()) is not None:
            if self._published() < self._unwanted.sequence:
                return _BEHIND
            lock, units = found
            await self._bus.ask(people.DestroyUnits(command_id=new_id(), lock=lock, units=units))
            self._unwanted.destroyed(lock, units)
        return _LOOK
