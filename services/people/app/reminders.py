"""Reminders: who wants them, and giving them when it is time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from libs.commands import Executor, of_kind
from libs.eventstore import Fact, Order, Store
from libs.keyring.opening import sealed_of
from libs.refusal import Refusal
from services.people.domain.entities import Entity, stored_reminders
from services.people.domain.person import Person
from services.people.domain.reminders import Reminders, Title
from services.people.projection.reminders_wanted import RemindersWanted
from services.people.projection.spaces import KnownSpaces, Scheduled

_log = logging.getLogger(__name__)
_LOOK: Final = 30.0
"""Seconds after which it looks again whatever happens: the machine's clock may have been set."""
_PAUSE: Final = 1.0


class Reminding:
    """Everybody's reminders. `now` tells the time (UTC); `soon` is how long before the start the host is reminded."""

    def __init__(
        self,
        store: Store[Entity],
        executor: Executor[Entity],
        spaces: KnownSpaces,
        wanted: RemindersWanted,
        *,
        now: Callable[[], datetime],
        soon: timedelta,
        space_wait: float,
    ) -> None:
        self._store = store
        self._executor = executor
        self._spaces = spaces
        self._wanted = wanted
        self._now = now
        self._soon = soon
        self._space_wait = space_wait
        self._given: set[tuple[str, str, datetime]] = set()
        """What needs no second look by this process; that nobody is reminded twice is the aggregate's affair."""

    async def set(self, order: Order, person_id: str, space_id: str) -> int:
        """Somebody wants to be reminded. Refuses: person_unknown, suspended, space_unknown, not_scheduled; unavailable
        while it is not known what is scheduled."""
        await self._store.read(person_id, of_kind(Person, Person.must_stand_well))
        await self._spaces.must_be_complete()
        await self._spaces.until(lambda: self._spaces.find(space_id) is not None, self._space_wait)
        known, scheduled = self._spaces.find(space_id) is not None, self._spaces.scheduled(space_id)

        def decide(reminders: Reminders) -> list[Fact]:
            if not known:
                raise Refusal("space_unknown", "There is no such Space.")
            if scheduled is None or scheduled.live:
                raise Refusal("not_scheduled", "This Space is not about to start.")
            return reminders.set(person_id)

        id = stored_reminders(space_id)
        done = await self._executor.execute(order, id, of_kind(Reminders, decide))
        if not await self._store.read(person_id, of_kind(Person, lambda person: person.exists)):  # erased meanwhile
            clear = of_kind(Reminders, lambda reminders: reminders.clear(person_id))
            await self._executor.by_itself(id, lambda entity, _: clear(entity))
        return done.version

    async def of(self, person_id: str, limit: int) -> list[Scheduled]:
        """Somebody's reminders of Spaces that have not started, the next one first. Refuses: unavailable."""
        await self._spaces.must_be_complete()
        await self._wanted.catch_up(self._store)
        found = (self._spaces.scheduled(space_id) for space_id in self._wanted.of(person_id))
        return sorted((one for one in found if one is not None and not one.live), key=lambda one: one.start)[:limit]

    # -- when it is time ---------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Remind, for ever."""
        while True:
            # Also before an event that cannot be read: the Space may have been canceled since, or moved.
            await self._spaces.until(lambda: self._spaces.lack() is None)
            seen = self._spaces.sequence
            try:
                upcoming = await self.remind()
                wait = _LOOK if upcoming is None else (upcoming - self._now()).total_seconds()
            except Refusal as trouble:
                _log.warning("reminders are late", extra={"why": trouble.detail})
                wait = _PAUSE
            await self._spaces.until(lambda seen=seen: self._spaces.sequence != seen, min(max(wait, 0.01), _LOOK))  # type: ignore[misc]
            await asyncio.sleep(0)

    async def remind(self) -> datetime | None:
        """Give every reminder that is due, also those that were due while nobody was there to give them; when the next
        one is. Refuses: storage_full, unavailable."""
        now = self._now()
        for one in self._spaces.due(now + self._soon):
            soon = not one.live and one.start > now
            look = (one.id, "soon" if soon else "live" if one.live else "start", one.start)
            if look not in self._given:
                await self._give(one, soon, now)
                self._given.add(look)
        self._given = {look for look in self._given if self._spaces.scheduled(look[0]) is not None}
        return self._spaces.upcoming(now, self._soon)

    async def _give(self, one: Scheduled, soon: bool, now: datetime) -> None:
        box = one.sealed
        title = Title(one.title) if box is None else Title(sealed_of(box), *box.locks)

        def decide(reminders: Reminders) -> list[Fact]:
            if soon:
                return reminders.remind_soon(one.host, one.start, title)
            return reminders.remind_start(None if one.live else one.host, one.start, title)

        give = of_kind(Reminders, decide)
        facts = await self._executor.by_itself(stored_reminders(one.id), lambda entity, _: give(entity))
        _log.info("reminded", extra={"space": one.id, "facts": len(facts)})
