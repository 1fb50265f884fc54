"""The keys of people, for a service that is run without them: in memory, and given and destroyed over the real bus."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from contracts.commands import Accepted, Nothing
from contracts.people import v1
from libs.bus import Bus, BusSettings, Handlers, connect
from libs.keyring import Lock, Tree, lock_name, subjects_of


class Keys:
    """Every lock that was asked for; `lease` seconds each."""

    def __init__(self, bus: Bus, lease: float) -> None:
        self._bus = bus
        self._lease = lease
        self._trees: dict[str, Tree] = {}
        self._gone: set[str] = set()
        self.destroyed: list[tuple[str, str | None]] = []
        """What was destroyed, in order: subjects, and units of locks."""

    def table(self) -> Handlers:
        """What people would answer."""
        table = Handlers("people")
        table.add(v1.LocksQuery, self.give)
        table.add(v1.DestroyUnits, self.destroy_units)
        table.add(v1.DestroySubjects, self.destroy_subjects)
        table.add(v1.AcknowledgeDrop, self.acknowledge)
        return table

    def lock(self, *subjects: str) -> Lock:
        """A lock as it is now, for a test to seal with."""
        name = lock_name(*subjects)
        return Lock(name, self._trees.setdefault(name, Tree.grown()))

    def destroy_unit(self, lock: str, unit: str) -> None:
        """Destroy a unit, and tell nobody."""
        self._trees[lock] = self._trees.get(lock, Tree.grown()).without([unit])

    async def give(self, query: v1.LocksQuery) -> Accepted[v1.Locks]:
        """Locks with their keys."""
        given = tuple(self._given(name) for name in query.locks)
        return Accepted(result=v1.Locks(number=len(self.destroyed), lease=self._lease, locks=given))

    async def destroy_units(self, command: v1.DestroyUnits) -> Accepted[v1.Destroying]:
        """Destroy units, and say so."""
        self._trees[command.lock] = self._trees.get(command.lock, Tree.grown()).without(command.units)
        return await self._destroy([(command.lock, unit) for unit in command.units])

    async def destroy_subjects(self, command: v1.DestroySubjects) -> Accepted[v1.Destroying]:
        """Destroy subjects, and say so."""
        self._gone.update(command.subjects)
        return await self._destroy([(subject, None) for subject in command.subjects])

    async def acknowledge(self, command: v1.AcknowledgeDrop) -> Accepted[Nothing]:
        """Nothing is waited for here."""
        return Accepted(result=Nothing())

    def _given(self, name: str) -> v1.LockKeys:
        if not self._gone.isdisjoint(subjects_of(name)):
            return v1.LockKeys(name=name, destroyed=True)
        nodes = self._trees.setdefault(name, Tree.grown()).encode()
        return v1.LockKeys(name=name, part=nodes, size=len(nodes))

    async def _destroy(self, erased: list[tuple[str, str | None]]) -> Accepted[v1.Destroying]:
        self.destroyed += erased
        number, at = len(self.destroyed), datetime.now(UTC)
        gone = tuple(v1.Gone(what=what, unit=unit) for what, unit in erased)
        await self._bus.tell(v1.KeysDropped(at=at, number=number, gone=gone))
        return Accepted(result=v1.Destroying(number=number))


@contextlib.asynccontextmanager
async def served_keys(bus: Bus, *, lease: float = 300.0) -> AsyncIterator[Keys]:
    """Keys for whoever asks, while the context is open; `bus` is a connection of people."""
    keys = Keys(bus, lease)
    async with bus.serve(keys.table()):
        yield keys


@contextlib.asynccontextmanager
async def keys_at(url: str) -> AsyncIterator[Keys]:
    """The same at the NATS of this address."""
    async with await connect("people", BusSettings(url=url)) as bus, served_keys(bus) as keys:
        yield keys
