"""What becomes of jars and tips of people who are erased, and of tips in Spaces that are forgotten."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from contracts.people.v1 import DestroyUnits, Erased, Forgotten
from libs.aio import Rounds
from libs.bus import Bus, Received, Unavailable
from libs.commands import Executor, of_kind
from libs.eventstore import Store
from libs.ids import new_id
from libs.refusal import Refusal
from services.tipping.app import stored_jar
from services.tipping.app.tip_sealer import between, unit_of
from services.tipping.domain.jar import Jar
from services.tipping.domain.tip import PREFIX, Tip
from services.tipping.projection import Stages, TipsBySpace

_log = logging.getLogger(__name__)
_LOOK: Final = 30.0
"""Seconds after which it looks again whatever happened."""
_PAUSE: Final = 1.0
_AT_ONCE: Final = 1000
"""Units in one order."""


class Erasing:
    """Closes the jar of whoever is erased and withdraws their tips that are on their way; has the words of tips
    destroyed in a Space that is forgotten. Again changes nothing.

    Who and which that is stands in the read model, with whom this was done for: after a crash it is done again.
    """

    def __init__(
        self, bus: Bus, store: Store[Jar | Tip], executor: Executor[Jar | Tip], stages: Stages, tips: TipsBySpace
    ) -> None:
        self._bus = bus
        self._store = store
        self._executor = executor
        self._stages = stages
        self._tips = tips
        self._rounds = Rounds(
            self._look, log=_log, later="jars and tips are erased later", away=(Refusal, Unavailable), pause=_PAUSE
        )
        stages.on_applied.append(self._heard)

    def _heard(self, batch: Sequence[Received]) -> None:
        if any(isinstance(received.event, Erased | Forgotten) for received in batch):
            self._rounds.wake()

    async def run(self) -> None:
        """For ever."""
        await self._rounds.run()

    async def _look(self) -> float:
        for person_id in self._stages.erased_and_owed():
            await self.erase(person_id)
            self._stages.settle(person_id)
        for space_id in self._stages.forgotten_and_owed():
            await self.forget(space_id)
            self._stages.settle_space(space_id)
        return _LOOK

    async def erase(self, person_id: str) -> None:
        """Close somebody's jar for ever, and withdraw what they offered and what was offered to them."""
        close = of_kind(Jar, Jar.erase)
        await self._executor.by_itself(stored_jar(person_id), lambda entity, _: close(entity))
        withdraw = of_kind(Tip, Tip.withdraw)
        await self._tips.catch_up(self._store)
        for tip_id in self._tips.of_person(person_id):
            await self._executor.by_itself(tip_id, lambda entity, _: withdraw(entity))

    async def forget(self, space_id: str) -> None:
        """Have the words of all tips in a Space destroyed. Raises Refusal, Unavailable."""
        await self._tips.catch_up(self._store)
        by_lock: dict[str, list[str]] = defaultdict(list)
        for tip_id, payer, recipient in self._tips.of_space(space_id):
            by_lock[between(payer, recipient)].append(unit_of(tip_id.removeprefix(PREFIX)))
        for lock, units in by_lock.items():
            for at in range(0, len(units), _AT_ONCE):
                part = tuple(units[at : at + _AT_ONCE])
                await self._bus.ask(DestroyUnits(command_id=new_id(), lock=lock, units=part))
