"""How a Space was at an earlier moment: rebuilt from its facts, a few at a time."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final, NamedTuple

from libs.eventstore import Store
from libs.refusal import Refusal
from services.room.app.admission import Admission
from services.room.domain.looking_back import Present, look_back, without_what_is_gone
from services.room.domain.space import Space
from services.room.projection.people import People

_AT_ONCE: Final = 2
"""It takes a processor for as long as it reads facts."""
_WAITING: Final = 50


class Past(NamedTuple):
    """A Space as it was."""

    space: Space
    since: datetime
    """When it became so."""
    present: Present


class LookingBack:
    """Rebuilds earlier states of Spaces for those who may see them."""

    def __init__(self, store: Store[Space], admission: Admission, people: People) -> None:
        self._store = store
        self._admission = admission
        self._people = people
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def at(
        self, space_id: str, actor: str | None, moment: datetime | None, version: int | None, *, operator: bool
    ) -> Past:
        """A Space after one of its versions, or at a moment that has passed.

        Refuses: space_unknown, space_deleted, removed, blocked, suspended, not_allowed, not_found, unavailable.
        """

        def seen(space: Space) -> Present:
            return look_back(space, actor, operator=operator)

        if operator:
            present = await self._admission.look(space_id, seen)
        else:
            present = await self._admission.show(space_id, actor, seen, inside=False)
        if version is not None and version > present.version:
            raise Refusal("not_found", f"The Space has no version {version}; its newest is {present.version}.")
        then, since = await self._rebuilt(space_id, moment, version)
        if since is None:
            raise Refusal("not_found", "At that time there was no such Space yet.")
        return Past(without_what_is_gone(then, present, self._people.is_erased), since, present)

    async def _rebuilt(
        self, space_id: str, moment: datetime | None, version: int | None
    ) -> tuple[Space, datetime | None]:
        if self._waiting >= _WAITING:
            raise Refusal("unavailable", "Too many look back at once; try again.", retry=True)
        self._waiting += 1
        try:
            async with self._turns:
                return await self._store.as_of(space_id, moment=moment, version=version)
        finally:
            self._waiting -= 1
