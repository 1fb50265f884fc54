"""Handles: each is one person's, and stays so for a while after that person was erased."""

from __future__ import annotations

from typing import Final

from libs.eventstore import Claim, Store
from libs.refusal import Refusal
from services.people.app.people_sealer import PeopleSealer
from services.people.domain.entities import Entity

_HELD: Final = "handle"
_KEPT: Final = "handle-kept"
"""Of who was erased: nobody can read from it what the handle was."""


class Handles:
    """Who has which handle, ignoring case."""

    def __init__(self, store: Store[Entity], sealer: PeopleSealer) -> None:
        self._store = store
        self._sealer = sealer

    def must_be_free(self, handle: str, person_id: str) -> None:
        """Refuses: handle_taken, unavailable."""
        # In this order: whoever is erased gives it back and has it kept in one transaction.
        holder = self._store.claimed(_HELD, handle.lower())
        if holder not in (None, person_id) or self._store.claimed(_KEPT, self._mark(handle)) is not None:
            raise taken(handle)

    def is_held(self, handle: str) -> bool:
        """Whether somebody has it now."""
        return self.holder(handle) is not None

    def holder(self, handle: str) -> str | None:
        """Who has it now."""
        return self._store.claimed(_HELD, handle.removeprefix("@").lower())

    def take(self, handle: str, person_id: str) -> list[Claim]:
        """What somebody claims who signs up."""
        return [Claim(_HELD, handle.lower(), person_id)]

    def change(self, before: str, after: str | None, person_id: str) -> list[Claim]:
        """What is claimed and given back when a handle changes."""
        old, new = before.lower(), before.lower() if after is None else after.lower()
        return [] if old == new else [Claim(_HELD, new, person_id), Claim(_HELD, old, None)]

    async def give_up(self, person_id: str, *, keep: bool) -> list[Claim]:
        """What is given back of who is erased, and kept where nobody may have it for a while."""
        claims: list[Claim] = []
        for handle in await self._store.names_of(_HELD, person_id):
            claims.append(Claim(_HELD, handle, None))
            if keep:
                claims.append(Claim(_KEPT, self._mark(handle), person_id))
        return claims

    async def free(self, person_id: str) -> list[Claim]:
        """What is given back when others may have it."""
        return [Claim(_KEPT, name, None) for name in await self._store.names_of(_KEPT, person_id)]

    def _mark(self, handle: str) -> str:
        return self._sealer.mark(handle.lower())


def taken(handle: str) -> Refusal:
    """The refusal of who wants a handle that somebody has, or had."""
    return Refusal("handle_taken", f"Somebody is called @{handle} already; choose another handle.", field="handle")
