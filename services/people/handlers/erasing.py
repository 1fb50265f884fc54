"""Erasing people."""

from __future__ import annotations

from contracts.commands import Accepted
from contracts.people import v1
from libs.bus import Handlers
from libs.commands import Executor
from services.people.app.erasing import Erasing
from services.people.domain.entities import Entity
from services.people.handlers.access import actor, operators_only
from services.people.projection.erasures import ErasedPerson


def add(table: Handlers, executor: Executor[Entity], erasing: Erasing) -> None:
    """Answer for erasures."""

    @table.on(v1.ErasePerson)
    async def erase(command: v1.ErasePerson) -> Accepted[v1.Erasure]:
        if not command.operator and actor(command) != command.person_id:
            operators_only(command)
        order = executor.order(command)
        version, erased = await erasing.erase(order, command.person_id, command.confirmation)
        return Accepted(version=version, result=_erasure(erased))

    @table.on(v1.ErasureQuery)
    async def erasure(query: v1.ErasureQuery) -> Accepted[v1.Erasure]:
        operators_only(query)
        return Accepted(result=_erasure(await erasing.erasure(query.person_id)))


def _erasure(erased: ErasedPerson) -> v1.Erasure:
    return v1.Erasure(
        person_id=erased.person,
        erased_at=erased.at,
        forgotten_at=erased.forgotten_at,
        handle_free_at=erased.handle_kept_until,
    )
