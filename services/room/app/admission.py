"""Who may see a Space, be in it, and command it, as room knows people at this moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from libs.eventstore import Store
from libs.keyring.vault import Vault
from services.room.domain.space import Space
from services.room.domain.values import Because, Person, Role
from services.room.projection.people import People

T = TypeVar("T")
View = Callable[[Space], T]


class Admission:
    """The door of every Space in this store. `person_wait`: seconds to wait for news of somebody who just signed up."""

    def __init__(self, store: Store[Space], people: People, vault: Vault, *, person_wait: float) -> None:
        self._store = store
        self._people = people
        self._vault = vault
        self._wait = person_wait

    def check(self, space: Space, actor: str | None) -> None:
        """Whether somebody may command a Space at all. Raises Refusal: space_unknown, suspended, removed, blocked."""
        # Whoever stands on stage was looked at when they came; what changed since has taken them off it.
        known = actor is None or actor in space.stage
        space.welcome(
            actor,
            blocked=not known and self._people.blocked(actor, space.host.id),
            suspended=not known and self._people.suspended(actor),
        )

    async def look(self, space_id: str, view: View[T]) -> T:
        """What `view` makes of a Space, for a service or an operator. Raises Refusal: space_unknown."""

        def seen(space: Space) -> T:
            self.check(space, None)
            return view(space)

        return await self._read(space_id, seen)

    async def show(self, space_id: str, actor: str | None, view: View[T], *, inside: bool) -> T:
        """What `view` makes of a Space for somebody who may see it; `inside` as for `Space.show`. Raises Refusal."""

        def shown(space: Space) -> T:
            known = actor is None or actor in space.stage
            space.show(
                actor,
                blocked=not known and self._people.blocked(actor, space.host.id),
                follows_host=actor is not None and self._people.follows(actor, space.host.id),
                suspended=not known and self._people.suspended(actor),
                inside=inside,
            )
            return view(space)

        return await self._read(space_id, shown)

    async def admit(
        self,
        space_id: str,
        actor: str | None,
        view: Callable[[Space, Role], T],
        *,
        looking_back: bool = False,
        inside: bool = False,
    ) -> T:
        """What `view` makes of the Space and the actor's role, if they may be in it (or look back); `inside` as for
        `Space.admit`. Raises Refusal."""

        def admitted(space: Space) -> T:
            space.admit(
                actor,
                blocked=self._people.blocked(actor, space.host.id),
                follows_host=actor is not None and self._people.follows(actor, space.host.id),
                suspended=self._people.suspended(actor),
                looking_back=looking_back,
                inside=inside,
            )
            return view(space, space.role_of(actor))

        return await self._read(space_id, admitted)

    async def _read(self, space_id: str, view: View[T]) -> T:
        return await self._vault.with_keys(lambda: self._store.read(space_id, view))

    def out(self, person_id: str, host_id: str) -> Because | None:
        """Why somebody cannot be in a host's Spaces; None where they can."""
        if self._people.is_erased(person_id):
            return "erased"
        if self._people.suspended(person_id):
            return "suspended"
        return "blocked" if person_id != host_id and self._people.blocked(person_id, host_id) else None

    def blocked_on_stage(self, space: Space, actor: str | None) -> tuple[Person, ...]:
        """People on stage whom somebody has blocked."""
        if actor is None:
            return ()
        return tuple(m.person for m in space.stage.values() if self._people.blocks(actor, m.person.id))

    def known(self, person_ids: Sequence[str]) -> list[Person]:
        """Those of them who are known."""
        return [person for person_id in person_ids if (person := self._people.find(person_id)) is not None]

    async def person(self, person_id: str | None) -> Person | None:
        """Who somebody is; None for an anonymous one. Raises Refusal person_unknown."""
        return None if person_id is None else await self._people.person(person_id, self._wait)
