"""People of the host product, and who follows and blocks whom there, taken over many at a time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

from libs.commands import Executor, of_kind
from libs.eventstore import Fact, Order, Store
from libs.ids import new_id
from libs.refusal import Refusal
from services.people.app.identities import Identities, IssuedProfile
from services.people.domain.entities import Entity
from services.people.domain.person import Person
from services.people.domain.relating import Change, Does, relate
from services.people.projection.names import NameSearch

T = TypeVar("T")

_TOGETHER: Final = 50
"""People whose relations are written concurrently."""
_UNKNOWN: Final = Refusal("person_unknown", "Nobody is known by this subject; tell who they are first.")


@dataclass(frozen=True, slots=True)
class Mirrored:
    """Somebody does something to another; both by the subject of an issuer."""

    subject: str
    does: Does
    whom: str


@dataclass(frozen=True, slots=True)
class _Known:
    """The same of people who are known here."""

    place: int
    does: Does
    whom: str


class Mirroring:
    """Takes over people and their relations from a product. Repeating something changes nothing."""

    def __init__(
        self,
        store: Store[Entity],
        executor: Executor[Entity],
        identities: Identities,
        names: NameSearch,
        *,
        max_following: int,
    ) -> None:
        self._store = store
        self._executor = executor
        self._identities = identities
        self._names = names
        self._max_following = max_following
        self._under_way: dict[str, asyncio.Task[Any]] = {}

    async def once(self, command_id: str, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of a command. It may be sent again while it runs; then it is not started a second time."""
        task = self._under_way.get(command_id)
        if task is None:
            task = self._under_way[command_id] = asyncio.create_task(begin(), name=f"mirror {command_id}")
            task.add_done_callback(lambda _: self._under_way.pop(command_id, None))
        found: T = await asyncio.shield(task)
        return found

    async def people(self, told: Sequence[IssuedProfile], at: datetime) -> list[str | Refusal]:
        """The id of each person here, or why nothing was taken over."""
        ids = [new_id() for _ in told]
        with contextlib.suppress(Refusal):  # each of them meets it again
            await self._identities.prepare(dict(zip(ids, told, strict=True)))

        async def one(id: str, said: IssuedProfile) -> str | Refusal:
            order = Order(id=new_id(), actor=None, at=at)
            try:
                return (await self._identities.sign_in(order, id, said)).view.id
            except Refusal as refused:
                return refused

        # All at once, so that they are one write.
        return await asyncio.gather(*map(one, ids, told))

    async def relations(self, issuer: str, told: Sequence[Mirrored]) -> list[Refusal | None]:
        """Change who follows and blocks whom; for each change None, or why it was refused.

        The changes of one person are one write.
        """
        refused: list[Refusal | None] = [None] * len(told)
        names = {one.subject for one in told} | {one.whom for one in told}
        ids = {name: self._identities.id_of(issuer, name) for name in names}
        by_person: dict[str, list[_Known]] = {}
        for place, one in enumerate(told):
            person, other = ids[one.subject], ids[one.whom]
            if person is None or other is None:
                refused[place] = _UNKNOWN
            else:
                by_person.setdefault(person, []).append(_Known(place, one.does, other))
        await self._names.catch_up(self._store)
        await _few(self._relate(person, changes, refused) for person, changes in by_person.items())
        gone = {id for name, id in ids.items() if id is not None and self._identities.id_of(issuer, name) != id}
        await self._settle(by_person, refused, gone)
        return refused

    async def _relate(self, person_id: str, changes: list[_Known], refused: list[Refusal | None]) -> None:
        asked = [Change(one.does, one.whom, self._names.blocks(one.whom, person_id)) for one in changes]

        def decide(person: Person, now: datetime) -> list[Fact]:
            facts, why = relate(person, asked, most=self._max_following, now=now)
            for one, no in zip(changes, why, strict=True):
                refused[one.place] = no
            return facts

        try:
            await self._executor.by_itself(
                person_id, lambda state, now: of_kind(Person, partial(decide, now=now))(state)
            )
        except Refusal as no:
            for one in changes:
                refused[one.place] = no

    async def _settle(self, by_person: dict[str, list[_Known]], refused: list[Refusal | None], gone: set[str]) -> None:
        """What follows from blocks, and from what happened while these were written; `gone` were erased meanwhile."""
        await self._names.catch_up(self._store)
        ended: list[tuple[str, str, bool]] = []
        for person, changes in by_person.items():
            for one in changes:
                if refused[one.place] is not None:
                    continue
                if one.does == "block" and self._names.blocks(person, one.whom):
                    ended.append((one.whom, person, False))
                if one.does == "follow" and self._names.blocks(one.whom, person):
                    ended.append((person, one.whom, False))
                if one.whom in gone:
                    ended.append((person, one.whom, True))
        await _few(self._end(one, other, erased=erased) for one, other, erased in ended)

    async def _end(self, person_id: str, other: str, *, erased: bool) -> None:
        def decide(person: Person) -> list[Fact]:
            if not person.exists:
                return []
            return person.end_ties_to(other) if erased else person.unfollow(other)

        end = of_kind(Person, decide)
        await self._executor.by_itself(person_id, lambda state, _: end(state))


async def _few(work: Iterable[Awaitable[None]]) -> None:
    turns = asyncio.Semaphore(_TOGETHER)

    async def one(task: Awaitable[None]) -> None:
        async with turns:
            await task

    await asyncio.gather(*map(one, work))
