"""Erasing people: at once for everybody who looks, and for good when no process has their keys any more."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from libs.aio import Rounds
from libs.bus import Unavailable
from libs.commands import Executor, of_kind
from libs.eventstore import Claim, Fact, Order, Store
from libs.keyring import ErasureTarget, Words
from libs.refusal import Refusal
from services.people.app.forgetting import Forgetter
from services.people.app.handles import Handles
from services.people.app.identities import IdentityMarks
from services.people.app.people_sealer import PeopleSealer
from services.people.domain.entities import INSTANCE, Entity, stored_reminders
from services.people.domain.instance import Instance
from services.people.domain.person import Person
from services.people.domain.reminders import Reminders
from services.people.projection.erasures import PERSON, ErasedPerson, Erasures
from services.people.projection.follows import Follows
from services.people.projection.names import NameSearch
from services.people.projection.reminders_wanted import RemindersWanted

_log = logging.getLogger(__name__)
_LOOK: Final = 30.0
"""Seconds after which it looks again whatever happens: the machine's clock may have been set."""
_PAUSE: Final = 1.0
_TOGETHER: Final = 500
"""Follows and blocks that are ended by one fact's transaction, or looked up at once."""
_ATTEMPTS: Final = 8


class _Stale(Exception):
    """The person has another handle than when it was looked up."""


class Erasing:
    """Erases people.

    The first fact refuses them everywhere. Then their ties with others end, one after another, and their keys are
    destroyed. What is owed follows from the facts, so no crash stops it. It follows from the ledger too, of which there
    are facts again where a store of an earlier day was put back: whoever is in it is erased again.
    """

    def __init__(
        self,
        store: Store[Entity],
        executor: Executor[Entity],
        erasures: Erasures,
        follows: Follows,
        names: NameSearch,
        wanted: RemindersWanted,
        handles: Handles,
        marks: IdentityMarks,
        forgetter: Forgetter,
        sealer: PeopleSealer,
        *,
        now: Callable[[], datetime],
        keep_handle: timedelta,
    ) -> None:
        self._store = store
        self._executor = executor
        self._erasures = erasures
        self._follows = follows
        self._names = names
        self._wanted = wanted
        self._handles = handles
        self._marks = marks
        self._forgetter = forgetter
        self._sealer = sealer
        self._now = now
        self._keep_handle = keep_handle
        self._untied: set[str] | None = None
        """Of whom this process has ended all ties; None before it has looked."""
        self._destroyed: set[str] = set()
        self._unknown: set[str] = set()
        """Whose keys are destroyed and who never signed up."""
        self._rounds = Rounds(
            self._look, log=_log, later="erasing takes longer", away=(Refusal, Unavailable, OSError), pause=_PAUSE
        )

    async def erase(self, order: Order, person_id: str, confirmation: str) -> tuple[int, ErasedPerson]:
        """Erase somebody, if the confirmation is their id or their handle; their version. Again changes nothing.

        Refuses: person_unknown, invalid, unavailable.
        """
        given = confirmation.removeprefix("@").lower()

        def check(handle: str) -> None:
            if given not in (person_id.lower(), handle.lower()):
                raise Refusal("invalid", "Type the handle or the id of this account.", field="confirmation")

        version = await self._erase(person_id, order, check)
        self._rounds.wake()
        return version, await self.erasure(person_id)

    async def erasure(self, person_id: str) -> ErasedPerson:
        """How far somebody's erasure is. Refuses: person_unknown for who is not erased."""
        await self._erasures.catch_up(self._store)
        found = self._erasures.find(person_id)
        if found is None:
            raise Refusal("person_unknown", "Nobody of this id was erased.")
        return found

    async def catch_up(self) -> None:
        """Take in what was forgotten; see `Forgetter`."""
        await self._names.catch_up(self._store)
        await self._erasures.catch_up(self._store)
        self._rounds.wake()

    async def _erase(self, person_id: str, order: Order | None, check: Callable[[str], None]) -> int:
        for _ in range(_ATTEMPTS):
            stored = await self._store.read(person_id, of_kind(Person, lambda person: person.profile.handle))
            handle = self._sealer.read_name(person_id, stored)
            keep = bool(self._keep_handle)
            claims = [
                *await self._handles.give_up(person_id, keep=keep),
                *await self._marks.give_up(person_id, keep=keep),
            ]
            try:
                return await self._decide(person_id, order, check, stored, handle, claims)
            except _Stale:
                continue
        raise Refusal("unavailable", "Too many changes at once; try again.", retry=True)

    async def _decide(
        self,
        person_id: str,
        order: Order | None,
        check: Callable[[str], None],
        stored: Words,
        handle: str,
        claims: list[Claim],
    ) -> int:
        def decide(person: Person, now: datetime) -> list[Fact]:
            facts = person.erase(now=now, keep_handle=self._keep_handle)
            if facts:
                if person.profile.handle != stored:
                    raise _Stale
                check(handle)
            return facts

        kind = of_kind(Person, lambda person: person)
        if order is None:
            await self._executor.by_itself(person_id, lambda entity, now: decide(kind(entity), now), claims=claims)
            return 0
        done = await self._executor.execute(
            order, person_id, lambda entity: decide(kind(entity), order.at), claims=claims
        )
        return done.version

    # -- what is owed ------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Do what is owed, for ever."""
        await self._rounds.run()

    async def _look(self) -> float:
        upcoming = await self.settle()
        return _LOOK if upcoming is None else min(max((upcoming - self._now()).total_seconds(), 0.01), _LOOK)

    async def settle(self) -> datetime | None:
        """Do everything that is owed; when the next handle is free. Refuses: storage_full, unavailable."""
        await self._erasures.catch_up(self._store)
        await self._erase_returned()
        if self._untied is None:
            self._untied = set()
            owed = self._erasures.everybody()
        else:
            owed = self._erasures.owed()
        for person_id in owed:
            if person_id not in self._untied:
                await self._end_ties(person_id)
                await self._store.wipe()
                self._untied.add(person_id)
        waiting: Refusal | None = None
        for person_id in self._erasures.owed():
            if person_id in self._untied and person_id not in self._destroyed:
                try:
                    await self._forgetter.destroy([ErasureTarget(PERSON + person_id)])
                except Refusal as no:  # which may be of this person alone
                    waiting = no
                else:
                    self._destroyed.add(person_id)
        for person_id in self._erasures.due(self._now()):
            claims = [*await self._handles.free(person_id), *await self._marks.free(person_id)]
            free = of_kind(Person, lambda person: person.free_handle(self._now()))
            await self._executor.by_itself(person_id, lambda entity, _: free(entity), claims=claims)  # noqa: B023
        await self._erasures.catch_up(self._store)
        if waiting is not None:
            raise waiting
        return self._erasures.next_due()

    async def _erase_returned(self) -> None:
        for person_id in self._erasures.returned():
            if person_id in self._unknown:
                continue
            if not await self._store.read(person_id, of_kind(Person, lambda person: person.exists)):
                self._unknown.add(person_id)
                continue
            _log.warning("%s is erased, since the ledger says so", person_id)
            await self._erase(person_id, None, lambda _: None)
            await self._end_ties(person_id)
            await self._store.wipe()
        await self._erasures.catch_up(self._store)

    async def _end_ties(self, person_id: str) -> None:
        """End whatever binds others to somebody, and them to others. Again changes nothing."""
        mine = of_kind(Person, lambda person: person.end_ties(_TOGETHER))
        while await self._executor.by_itself(person_id, lambda entity, _: mine(entity)):
            pass
        to_them = of_kind(Person, lambda person: person.end_ties_to(person_id))
        while True:
            await self._follows.catch_up(self._store)
            await self._names.catch_up(self._store)
            others = {
                *self._follows.followers_of(person_id, _TOGETHER),
                *self._names.blockers_of(person_id, _TOGETHER),
            }
            if not others:
                break
            for other in sorted(others):
                await self._executor.by_itself(other, lambda entity, _: to_them(entity))
        await self._wanted.catch_up(self._store)
        clear = of_kind(Reminders, lambda reminders: reminders.clear(person_id))
        for space_id in self._wanted.of(person_id):
            await self._executor.by_itself(stored_reminders(space_id), lambda entity, _: clear(entity))
        codes = of_kind(Instance, lambda instance: instance.revoke_codes_of(person_id))
        await self._executor.by_itself(INSTANCE, lambda entity, _: codes(entity))
        _log.info("the ties of %s are ended", person_id)
