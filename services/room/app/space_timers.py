"""What happens by itself: time passes over the Spaces of this process, and what people do elsewhere reaches them.

Everything here is decided on what is stored and on who is there now, so that whoever owns a partition next goes on
where the last owner stopped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from contracts.people import v1 as people
from libs.bus import Received
from libs.commands import Executor
from libs.eventstore import Claim, Fact, Store
from libs.refusal import Refusal
from services.room.app.admission import Admission
from services.room.app.attendance import Attendance
from services.room.app.scheduling import Scheduling
from services.room.app.standstill import Absence, Standstill
from services.room.domain.limits import Limits
from services.room.domain.space import Space
from services.room.domain.values import Because
from services.room.projection.agenda import Agenda

_log = logging.getLogger(__name__)

_TICK: Final = 0.2
_AGAIN: Final = timedelta(seconds=1)
_SIGNED_OUT_WITHIN: Final = timedelta(minutes=1)
_REGAINED_WITHIN: Final = 30.0
"""Seconds after NATS was away in which partitions that were lost by that are owned again."""


class SpaceTimers:
    """Keeps the Spaces whose partitions this process owns. `now` tells the time (UTC)."""

    def __init__(
        self,
        store: Store[Space],
        executor: Executor[Space],
        admission: Admission,
        scheduling: Scheduling,
        agenda: Agenda,
        attendance: Attendance,
        standstill: Standstill,
        limits: Limits,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._executor = executor
        self._admission = admission
        self._scheduling = scheduling
        self._limits = limits
        self._agenda = agenda
        self._attendance = attendance
        self._standstill = standstill
        self._now = now
        self._due: dict[str, datetime] = {}
        """When to look at a Space again."""
        self._news: set[tuple[str, str | None]] = set()
        """Who must be looked at: somebody everywhere, or two people for the Spaces of either."""
        self._signed_out: dict[str, datetime] = {}
        """Of whom every token was revoked, and when."""
        self._changed: set[str] = set()
        """Spaces to look at now."""
        self._gained: set[int] = set()
        self._made_up: set[tuple[int, int]] = set()
        """Absences of NATS by number and partition whose Spaces' deadlines have been put off."""

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
                case people.Suspended() | people.Reinstated() | people.Erased() as event:
                    self._news.add((event.person_id, None))
                case people.TokensRevoked(person_id=person_id, token_id=None, at=at):
                    # Not what is read again of long ago: whoever came since has signed in since.
                    if self._now() - at < _SIGNED_OUT_WITHIN:
                        self._signed_out[person_id] = at
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
        if self._standstill.is_away:
            return
        await self._agenda.catch_up(self._store)
        await self._make_up_for_absences()
        self._changed |= self._agenda.changed() | self._attendance.sessions.moved()
        while self._gained:
            partition = next(iter(self._gained))
            for space_id in filter(self._attendance.owns, self._agenda.all()):
                if self._attendance.partition(space_id) == partition:
                    await self._sweep(space_id)
                    self._changed.add(space_id)
            self._gained.discard(partition)
        while self._news:
            who = next(iter(self._news))
            await self._blocked_or_suspended(*who)
            self._news.discard(who)
        # Afterwards: who was erased is signed out too, and would leave like somebody who lost their connection.
        while self._signed_out:
            person_id, at = next(iter(self._signed_out.items()))
            await self._sign_out(person_id, at)
            if self._signed_out.get(person_id) == at:
                del self._signed_out[person_id]
        now = self._now()
        self._changed.update(space_id for space_id, due in self._due.items() if due <= now)
        while self._changed:
            space_id = self._changed.pop()
            self._due.pop(space_id, None)
            if self._attendance.owns(space_id):
                await self._keep(space_id, now)

    # -- time --------------------------------------------------------------------------------------------------

    async def _make_up_for_absences(self) -> None:
        """Have every deadline end later by as long as NATS was away; also in partitions that were lost by that."""
        now = asyncio.get_running_loop().time()
        for absence in self._standstill.absences:
            if now - absence.over > _REGAINED_WITHIN:
                continue
            for partition in self._attendance.owned():
                if (absence.number, partition) in self._made_up:
                    continue
                for space_id in self._agenda.all():
                    if self._attendance.partition(space_id) == partition:
                        await self._stood_still(space_id, absence)
                        self._changed.add(space_id)
                self._made_up.add((absence.number, partition))
        self._made_up &= {(one.number, p) for one in self._standstill.absences for p in self._attendance.owned()}

    async def _stood_still(self, space_id: str, absence: Absence) -> None:
        def decide(space: Space, _: datetime) -> Sequence[Fact]:
            return space.stand_still(absence.since, absence.lasted, self._limits)

        await self._executor.by_itself(space_id, decide, cause=f"absence {absence.since.isoformat()}")

    async def _keep(self, space_id: str, now: datetime) -> None:
        unsettled = self._attendance.settled_in(space_id)
        present: Callable[[str], bool] | None = None
        if not unsettled:
            present = lambda person_id: self._attendance.is_there(space_id, person_id)  # noqa: E731

        def decide(space: Space, at: datetime) -> Sequence[Fact]:
            return space.pass_time(
                at, present, self._limits, lambda person_id: self._scheduling.may_take_over(space, person_id)
            )

        try:
            given_up = await self._store.read(space_id, lambda space: space.given_up_at(self._limits))
            overdue = given_up is not None and given_up <= now
            claims = await self._scheduling.places(space_id) if overdue else ()
            await self._executor.by_itself(space_id, decide, claims=claims)
            due = await self._store.read(space_id, lambda space: space.next_due(self._limits))
        except Refusal as no:
            _log.warning("a Space is kept later", extra={"space": space_id, "why": no.detail})
            due = now + _AGAIN
        if unsettled:
            settled = now + timedelta(seconds=unsettled)
            due = settled if due is None else min(due, settled)
        if due is not None:
            self._due[space_id] = due

    # -- blocks and suspensions --------------------------------------------------------------------------------

    async def _blocked_or_suspended(self, one: str, other: str | None) -> None:
        if other is None:
            everywhere = {*self._agenda.of_person(one), *self._attendance.sessions.spaces_of(one)}
            for space_id in filter(self._attendance.owns, everywhere):
                await self._settle(space_id, [one])
            return
        for host, guest in ((one, other), (other, one)):
            for space_id in filter(self._attendance.owns, self._agenda.of_host(host)):
                await self._settle(space_id, [guest])

    async def _sweep(self, space_id: str) -> None:
        """Everybody whom a Space knows: somebody may have been blocked or suspended while nobody kept it."""

        def everybody(space: Space) -> list[str]:
            return [space.host.id, *space.stage, *space.requests, *space.invitations, *space.removed]

        await self._settle(space_id, list(dict.fromkeys(await self._store.read(space_id, everybody))))

    async def _settle(self, space_id: str, person_ids: Iterable[str]) -> None:
        def standing(space: Space) -> tuple[str, dict[str, Because], set[str]]:
            inside = {space.host.id, *space.stage, *space.requests, *space.invitations}
            return space.host.id, dict(space.removed), inside

        host, removed, inside = await self._store.read(space_id, standing)
        for person_id in person_ids:
            because = self._admission.out(person_id, host)
            was = removed.get(person_id)
            if because is not None and was is None:
                if person_id in inside or self._attendance.is_there(space_id, person_id):
                    await self._bar(space_id, person_id, because)
            elif because is None and was in ("blocked", "suspended"):
                await self._unbar(space_id, person_id, was)

    async def _sign_out(self, person_id: str, at: datetime) -> None:
        self._attendance.signed_out(person_id)
        for space_id in filter(self._attendance.owns, dict.fromkeys(self._agenda.of_person(person_id))):
            decide = partial(self._without, space_id, person_id, at)
            await self._executor.by_itself(space_id, decide)

    def _without(self, space_id: str, person_id: str, at: datetime, space: Space, _: datetime) -> Sequence[Fact]:
        return space.sign_out(
            person_id, at, self._may_be_there(space_id), partial(self._scheduling.may_take_over, space)
        )

    def _may_be_there(self, space_id: str) -> Callable[[str], bool]:
        known = not self._attendance.settled_in(space_id)
        return lambda person_id: not known or self._attendance.is_there(space_id, person_id)

    async def _bar(self, space_id: str, person_id: str, because: Because) -> None:
        claims: Sequence[Claim] = ()
        if await self._store.read(space_id, lambda s: s.state == "scheduled" and s.host.id == person_id):
            claims = await self._scheduling.places(space_id)
        present = self._may_be_there(space_id)

        def decide(space: Space, _: datetime) -> Sequence[Fact]:
            return space.bar(person_id, because, present, lambda other: self._scheduling.may_take_over(space, other))

        await self._executor.by_itself(space_id, decide, claims=claims)

    async def _unbar(self, space_id: str, person_id: str, because: Because) -> None:
        await self._executor.by_itself(space_id, lambda space, _: space.unbar(person_id, because))
