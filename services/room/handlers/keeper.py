"""What happens by itself: time passes over the Spaces of this process, and what people do elsewhere reaches them.

Everything here is decided on what is stored and on who is there now, so that whoever owns a partition next goes on
where the last owner stopped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from contracts.people import v1 as people
from libs.bus import Received
from libs.eventstore import Fact, Order, Store
from libs.ids import new_id
from libs.refusal import Refusal
from services.room.app import Spaces
from services.room.domain import Because, Canceled, Ended, Removed, Space, StageLeft
from services.room.handlers.audience import Audience
from services.room.projection import Agenda

_log = logging.getLogger(__name__)

_TICK: Final = 0.2
_AGAIN: Final = timedelta(seconds=1)


class Keeper:
    """Keeps the Spaces whose partitions this process owns. `now` tells the time (UTC)."""

    def __init__(
        self, store: Store[Space], spaces: Spaces, agenda: Agenda, audience: Audience, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._spaces = spaces
        self._agenda = agenda
        self._audience = audience
        self._now = now
        self._due: dict[str, datetime] = {}
        """When to look at a Space again."""
        self._news: set[tuple[str, str | None]] = set()
        """Who must be looked at: somebody everywhere, or two people for the Spaces of either."""
        self._changed: set[str] = set()
        """Spaces to look at now."""
        self._gained: set[int] = set()

    # -- what there is to do -----------------------------------------------------------------------------------

    def gain(self, partition: int) -> None:
        """Its Spaces are ours: what was missed meanwhile is made up for."""
        self._gained.add(partition)

    def saw(self, batch: Sequence[Received]) -> None:
        """People did something that may concern who is in which Space."""
        for received in batch:
            match received.event:
                case people.Blocked() | people.Unblocked() as event:
                    self._news.add((event.person_id, event.blocked_id))
                case people.Suspended() | people.Reinstated() as event:
                    self._news.add((event.person_id, None))
                case _:
                    pass

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.look()
            except Refusal as no:
                _log.warning("Spaces are kept later", extra={"why": no.detail})
            await asyncio.sleep(_TICK)

    async def look(self) -> None:
        """Do what is due now. What a Refusal interrupts is done the next time."""
        await self._agenda.catch_up(self._store)
        self._changed |= self._agenda.changed() | self._audience.moved()
        while self._gained:
            partition = next(iter(self._gained))
            for space_id in filter(self._audience.owns, self._agenda.all()):
                if self._audience.partition(space_id) == partition:
                    await self._sweep(space_id)
                    self._changed.add(space_id)
            self._gained.discard(partition)
        while self._news:
            who = next(iter(self._news))
            await self._heed(*who)
            self._news.discard(who)
        now = self._now()
        self._changed.update(space_id for space_id, due in self._due.items() if due <= now)
        while self._changed:
            space_id = self._changed.pop()
            self._due.pop(space_id, None)
            if self._audience.owns(space_id):
                await self._keep(space_id, now)

    # -- time --------------------------------------------------------------------------------------------------

    async def _keep(self, space_id: str, now: datetime) -> None:
        unsettled = self._audience.settled_in(space_id)
        present: Callable[[str], bool] | None = None
        if not unsettled:
            present = lambda person_id: self._audience.is_there(space_id, person_id)  # noqa: E731
        try:
            facts, due = await self._spaces.pass_time(self._order(), space_id, present)
        except Refusal as no:
            _log.warning("a Space is kept later", extra={"space": space_id, "why": no.detail})
            facts, due = (), now + _AGAIN
        self._followed_by(space_id, facts)
        if unsettled:
            settled = now + timedelta(seconds=unsettled)
            due = settled if due is None else min(due, settled)
        if due is not None:
            self._due[space_id] = due

    # -- blocks and suspensions --------------------------------------------------------------------------------

    async def _heed(self, one: str, other: str | None) -> None:
        if other is None:
            everywhere = {*self._agenda.of_person(one), *self._audience.spaces_of(one)}
            for space_id in filter(self._audience.owns, everywhere):
                await self._settle(space_id, [one])
            return
        for host, guest in ((one, other), (other, one)):
            for space_id in filter(self._audience.owns, self._agenda.of_host(host)):
                await self._settle(space_id, [guest])

    async def _sweep(self, space_id: str) -> None:
        """Everybody whom a Space knows: somebody may have been blocked or suspended while nobody kept it."""

        def everybody(space: Space) -> list[str]:
            return [space.host.id, *space.stage, *space.requests, *space.invitations, *space.removed]

        await self._settle(space_id, list(dict.fromkeys(await self._spaces.read(space_id, everybody))))

    async def _settle(self, space_id: str, person_ids: Iterable[str]) -> None:
        def standing(space: Space) -> tuple[str, dict[str, Because], set[str]]:
            inside = {space.host.id, *space.stage, *space.requests, *space.invitations}
            return space.host.id, dict(space.removed), inside

        host, removed, inside = await self._spaces.read(space_id, standing)
        for person_id in person_ids:
            because = self._spaces.out(person_id, host)
            was = removed.get(person_id)
            if because is not None and was is None:
                if person_id in inside or self._audience.is_there(space_id, person_id):
                    self._followed_by(space_id, await self._spaces.bar(self._order(), space_id, person_id, because))
            elif because is None and was in ("blocked", "suspended"):
                await self._spaces.unbar(self._order(), space_id, person_id, was)

    # -- after it ----------------------------------------------------------------------------------------------

    def _order(self) -> Order:
        return Order(id=new_id(), actor=None, at=self._now())

    def _followed_by(self, space_id: str, facts: Iterable[Fact]) -> None:
        for fact in facts:
            match fact:
                case Ended() | Canceled():
                    self._audience.space_over(space_id)
                case Removed():
                    self._audience.person_removed(space_id, fact.person_id)
                case StageLeft():
                    self._audience.stage_changed(space_id)
                case _:
                    pass
