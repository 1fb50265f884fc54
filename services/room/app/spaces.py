"""Commands on Spaces: look up who it concerns, let the Space decide, save."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from libs.eventstore import Done, Fact, Order, Store
from libs.refusal import Refusal
from services.room.domain import Limits, Person, Role, Settings, Space
from services.room.projection import People

T = TypeVar("T")
View = Callable[[Space], T]


class Spaces:
    """All Spaces of this store. `view` makes the answer from the Space right after the decision."""

    def __init__(self, store: Store[Space], people: People, limits: Limits, *, person_wait: float) -> None:
        self._store = store
        self._people = people
        self._limits = limits
        self._wait = person_wait

    # -- commands ----------------------------------------------------------------------------------------------

    async def create(
        self,
        order: Order,
        space_id: str,
        settings: Settings,
        view: View[T],
        *,
        scheduled_start: datetime | None,
    ) -> Done[T]:
        host = await self._people.person(order.actor, self._wait)
        return await self._store.execute(
            space_id,
            order,
            lambda space: space.create(
                host,
                settings,
                scheduled_start=scheduled_start,
                now=order.at,
                limits=self._limits,
            ),
            view,
        )

    async def start(self, order: Order, space_id: str, view: View[T]) -> Done[T]:
        return await self._store.execute(space_id, order, lambda space: space.start(order.actor), view)

    async def cancel(self, order: Order, space_id: str, view: View[T]) -> Done[T]:
        return await self._store.execute(space_id, order, lambda space: space.cancel(order.actor), view)

    async def end(self, order: Order, space_id: str, view: View[T], *, operator: bool) -> Done[T]:
        return await self._store.execute(space_id, order, lambda space: space.end(order.actor, operator=operator), view)

    async def request_to_speak(
        self, order: Order, space_id: str, view: View[T], *, message: str, consent_to_recording: bool
    ) -> Done[T]:
        person = await self._people.person(order.actor, self._wait)
        host = await self._store.read(space_id, lambda space: space.host.id)
        blocked = self._people.blocked(person.id, host)
        followed = self._people.follows(host, person.id)

        def decide(space: Space) -> list[Fact]:
            facts = space.request_to_speak(
                person,
                message,
                consent_to_recording=consent_to_recording,
                followed_by_host=followed,
                limits=self._limits,
            )
            if blocked:
                raise Refusal("blocked", "You cannot speak in this Space.")
            return facts

        return await self._store.execute(space_id, order, decide, view)

    async def cancel_request(self, order: Order, space_id: str, view: View[T]) -> Done[T]:
        return await self._store.execute(space_id, order, lambda space: space.cancel_request(order.actor), view)

    async def accept_request(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        return await self._store.execute(
            space_id, order, lambda space: space.accept_request(order.actor, person_id, limits=self._limits), view
        )

    async def decline_request(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        return await self._store.execute(
            space_id, order, lambda space: space.decline_request(order.actor, person_id), view
        )

    async def mute(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        return await self._store.execute(space_id, order, lambda space: space.mute(order.actor, person_id), view)

    async def unmute(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        return await self._store.execute(space_id, order, lambda space: space.unmute(order.actor, person_id), view)

    async def leave_stage(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        return await self._store.execute(space_id, order, lambda space: space.leave_stage(order.actor, person_id), view)

    async def remove(self, order: Order, space_id: str, person_id: str, explanation: str, view: View[T]) -> Done[T]:
        return await self._store.execute(
            space_id, order, lambda space: space.remove(order.actor, person_id, explanation), view
        )

    # -- questions ---------------------------------------------------------------------------------------------

    async def read(self, space_id: str, view: View[T]) -> T:
        """What `view` makes of the Space, once it is committed; it may raise Refusal."""
        return await self._store.read(space_id, view)

    async def admit(self, space_id: str, actor: str | None, view: Callable[[Space, Role], T]) -> T:
        """What `view` makes of the Space and the actor's role, if they may be in it now. Raises Refusal."""
        host = await self._store.read(space_id, lambda space: space.host.id)
        blocked = self._people.blocked(actor, host)
        follows = actor is not None and self._people.follows(actor, host)

        def admitted(space: Space) -> T:
            space.admit(actor, blocked=blocked, follows_host=follows)
            return view(space, space.role_of(actor))

        return await self._store.read(space_id, admitted)

    async def person(self, person_id: str | None) -> Person | None:
        """Who somebody is; None for an anonymous one. Raises Refusal person_unknown."""
        return None if person_id is None else await self._people.person(person_id, self._wait)
