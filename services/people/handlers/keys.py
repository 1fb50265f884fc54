"""Keys, for the services that need them."""

from __future__ import annotations

from contracts.commands import Accepted, Nothing
from contracts.people import v1
from libs.bus import Handlers
from libs.keyring import ErasureTarget, subjects_of
from libs.refusal import Refusal
from services.people.app.forgetting import Forgetter


def add(table: Handlers, forgetter: Forgetter) -> None:
    """Answer for keys. Who may ask is decided by the permissions of NATS."""

    @table.on(v1.LocksQuery)
    async def locks(query: v1.LocksQuery) -> Accepted[v1.Locks]:
        for lock in query.locks:
            _must_be_lock(lock)
        number, parts = await forgetter.locks(query.holder, query.locks, query.at)
        found = tuple(
            v1.LockKeys(name=one.name, destroyed=one.destroyed, part=one.nodes, size=one.size) for one in parts
        )
        return Accepted(result=v1.Locks(number=number, lease=forgetter.lease, locks=found))

    @table.on(v1.DestroyUnits)
    async def destroy_units(command: v1.DestroyUnits) -> Accepted[v1.Destroying]:
        _must_be_lock(command.lock)
        number = await forgetter.destroy([ErasureTarget(command.lock, unit) for unit in command.units])
        return Accepted(result=v1.Destroying(number=number))

    @table.on(v1.DestroySubjects)
    async def destroy_subjects(command: v1.DestroySubjects) -> Accepted[v1.Destroying]:
        number = await forgetter.destroy([ErasureTarget(subject) for subject in command.subjects])
        return Accepted(result=v1.Destroying(number=number))

    @table.on(v1.AcknowledgeDrop)
    async def acknowledge(command: v1.AcknowledgeDrop) -> Accepted[Nothing]:
        forgetter.dropped(command.holder, command.number)
        return Accepted(result=Nothing())


def _must_be_lock(name: str) -> None:
    try:
        subjects_of(name)
    except ValueError as error:
        raise Refusal("invalid", f"{error}: its subjects are sorted.") from error
