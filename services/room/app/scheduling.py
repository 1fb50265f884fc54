"""Spaces that begin, at once or at a time for which the host holds one of a few places; and who may be their host."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeVar

from libs.commands import Executor
from libs.eventstore import Claim, Done, Fact, Order, Store
from libs.refusal import Refusal
from services.room.app.live_limit import LiveLimit
from services.room.domain.limits import Limits
from services.room.domain.space import Space
from services.room.domain.values import Settings
from services.room.projection.people import People

T = TypeVar("T")
View = Callable[[Space], T]
_SCHEDULED: Final = "scheduled"


class Scheduling:
    """Creates, starts, cancels and hands over Spaces. A host's places for scheduled Spaces are names that Spaces
    claim. The hosting policy is asked whenever somebody becomes a host."""

    def __init__(
        self,
        store: Store[Space],
        executor: Executor[Space],
        people: People,
        limits: Limits,
        platform_of: Callable[[str, str], str | None],
        live: LiveLimit,
        *,
        person_wait: float,
    ) -> None:
        """`platform_of` tells with what kind of client somebody is in a Space. `person_wait`: seconds to wait for news
        of a host who just signed up."""
        self._live = live
        self._store = store
        self._executor = executor
        self._people = people
        self._limits = limits
        self._platform_of = platform_of
        self._wait = person_wait

    async def create(
        self,
        order: Order,
        space_id: str,
        settings: Settings,
        view: View[T],
        *,
        scheduled_start: datetime | None,
        platform: str = "web",
        words: tuple[str, ...] = (),
    ) -> Done[T]:
        """Create a Space. Refuses as `Space.create` does, and: person_unknown, may_not_host, too_many_scheduled,
        too_many_live."""
        host = await self._people.person(order.actor, self._wait)

        def deciding(slot: int | None) -> Callable[[Space], list[Fact]]:
            def decide(space: Space) -> list[Fact]:
                self._people.must_be_able_to_host(host.id, platform)
                return space.create(
                    host,
                    settings,
                    scheduled_start=scheduled_start,
                    now=order.at,
                    limits=self._limits,
                    slot=slot,
                    platform=platform,
                    words=words,
                )

            return decide

        async def execute(decide: Callable[[Space], list[Fact]], claims: Sequence[Claim] = ()) -> Done[T]:
            # There is no Space yet that anybody could be kept out of.
            return await self._executor.execute(order, space_id, decide, view, claims=claims, checked=False)

        if scheduled_start is None:
            async with self._live.turn(host.id) as must_have_room:
                return await execute(lambda space: must_have_room(deciding(None)(space)))
        for slot in range(self._limits.scheduled):
            claim = _place(host.id, slot, space_id)
            if self._store.claimed(claim.namespace, claim.name) not in (None, space_id):
                continue
            try:
                return await execute(deciding(slot), [claim])
            except Refusal as no:
                if no.reason != "name_taken":  # by another Space of theirs, at this moment
                    raise

        def none_left(_: Space) -> list[Fact]:
            most = self._limits.scheduled
            raise Refusal("too_many_scheduled", f"You have {most} scheduled Spaces already; cancel one first.")

        return await execute(none_left)

    async def start(self, order: Order, space_id: str, view: View[T]) -> Done[T]:
        """Start a scheduled Space, and give its place back.

        Refuses as `Space.start` does, and: may_not_host, too_many_live.
        """
        claims = await self.places(space_id)
        host_id = await self._store.read(space_id, lambda space: space.host.id)

        def decide(space: Space) -> list[Fact]:
            facts = space.start(order.actor)
            # Since it was scheduled, the policy or the account may have changed.
            self._people.must_be_able_to_host(space.host.id, space.platform)
            return facts

        async with self._live.turn(host_id) as must_have_room:
            return await self._executor.execute(
                order, space_id, lambda space: must_have_room(decide(space)), view, claims=claims
            )

    async def hand_over(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        """Make a co-host the host. Refuses as `Space.hand_over` does."""
        return await self._executor.execute(
            order,
            space_id,
            lambda space: space.hand_over(order.actor, person_id, may_host=self.may_take_over(space, person_id)),
            view,
        )

    def may_take_over(self, space: Space, person_id: str) -> bool:
        """Whether the hosting policy lets somebody be the host of a Space, with the client that they are there with."""
        return self._people.may_host(person_id, self._platform_of(space.id, person_id) or space.platform)

    async def cancel(self, order: Order, space_id: str, view: View[T]) -> Done[T]:
        """Cancel a scheduled Space, and give its place back."""
        claims = await self.places(space_id)
        return await self._executor.execute(
            order, space_id, lambda space: space.cancel(order.actor), view, claims=claims
        )

    async def delete(self, order: Order, space_id: str, view: View[T], *, operator: bool) -> Done[T]:
        """Delete a Space, and give back the place it holds while it is scheduled. Refuses as `Space.delete` does."""
        claims: list[Claim] = []
        if await self._store.read(space_id, lambda space: space.state == "scheduled"):
            claims = await self.places(space_id)
        return await self._executor.execute(
            order,
            space_id,
            lambda space: space.delete(order.actor, operator=operator),
            view,
            claims=claims,
            checked=not operator,  # one may delete a Space that one may not enter
        )

    async def places(self, space_id: str) -> list[Claim]:
        """The claims by which a Space gives back the place it holds while it is scheduled."""
        host, slot = await self._store.read(space_id, lambda space: (space.host.id, space.slot))
        return [] if slot is None else [_place(host, slot, None)]


def _place(host_id: str, slot: int, owner: str | None) -> Claim:
    """One of a host's places for scheduled Spaces; each is taken by one Space."""
    return Claim(_SCHEDULED, f"{host_id}:{slot}", owner)
