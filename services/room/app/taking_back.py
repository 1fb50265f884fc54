"""What was taken back, or is over, is made unreadable: people destroys its keys."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final

from contracts.people import v1 as people
from libs.bus import Bus, Received, Unavailable
from libs.eventstore import Store
from libs.ids import new_id
from libs.keyring import subjects_of
from libs.keyring.vault import Vault
from libs.refusal import Refusal
from services.room.domain.space import Space
from services.room.projection.taken_back import TakenBack

_log = logging.getLogger(__name__)

_TICK: Final = 0.5
_AGAIN: Final = 2.0
_SPACE: Final = "space:"
"""What the name of a Space's keys begins with."""


class TakingBack:
    """Has the keys destroyed that nobody needs any more, in the Spaces of this process: those of words, and all of an
    ephemeral Space that is over.

    It is done again until people has answered, and goes on after a crash: what is owed follows from the stored facts.
    """

    def __init__(
        self, bus: Bus, store: Store[Space], taken: TakenBack, vault: Vault, owns: Callable[[str], bool]
    ) -> None:
        """`owns` tells whether this process keeps a Space."""
        self._bus = bus
        self._store = store
        self._taken = taken
        self._vault = vault
        self._owns = owns

    def heard(self, batch: Sequence[Received]) -> None:
        """Another process may have had it done, whose Space it was then."""
        for received in batch:
            match received.event:
                case people.Forgotten(whole=("space", space_id)):
                    self._taken.gone(space_id)
                case people.Forgotten(what=what, unit=str(unit)) if len(both := subjects_of(what)) == 2:
                    kinds = dict(subject.split(":", 1) for subject in both)
                    if kinds.keys() == {"person", "space"}:
                        self._taken.destroyed(kinds["space"], kinds["person"], unit)
                case _:
                    pass

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self._taken.catch_up(self._store)
                await self._destroy()
            except (Refusal, Unavailable) as trouble:
                _log.warning("what was taken back is destroyed later", extra={"why": str(trouble)})
                await asyncio.sleep(_AGAIN)
            await asyncio.sleep(_TICK)

    async def _destroy(self) -> None:
        for space_id in filter(self._owns, self._taken.over()):
            await self._bus.ask(people.DestroySubjects(command_id=new_id(), subjects=(f"{_SPACE}{space_id}",)))
            self._taken.gone(space_id)
        for (space_id, person_id), units in self._taken.owed().items():
            if not self._owns(space_id):
                continue
            order = people.DestroyUnits(
                command_id=new_id(), lock=self._vault.lock_of(person_id, space_id), units=tuple(units)
            )
            await self._bus.ask(order)
            for unit in units:
                self._taken.destroyed(space_id, person_id, unit)
