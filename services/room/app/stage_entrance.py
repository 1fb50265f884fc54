"""Ways onto the stage for which room must first look up who somebody is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from libs.commands import Executor
from libs.eventstore import Done, Fact, Order
from services.room.domain.limits import Limits
from services.room.domain.space import Space
from services.room.domain.values import InvitedTo
from services.room.projection.people import People

T = TypeVar("T")


class StageEntrance:
    """Requests to speak, and invitations. `person_wait`: seconds to wait for news of somebody who just signed up."""

    def __init__(
        self,
        executor: Executor[Space],
        people: People,
        limits: Limits,
        present: Callable[[str, str | None], bool],
        inside: Callable[[str, str | None], bool],
        *,
        person_wait: float,
    ) -> None:
        """`inside` tells whether somebody has a live session in a Space; `present` also whether they may have one that
        is not known yet."""
        self._executor = executor
        self._people = people
        self._limits = limits
        self.present = present
        self._inside = inside
        self._wait = person_wait

    async def request_to_speak(
        self, order: Order, space_id: str, view: Callable[[Space], T], *, message: str, consent_to_recording: bool
    ) -> Done[T]:
        """Let somebody onto the stage or into the queue, by the host's rule of who can speak."""
        person = await self._people.person(order.actor, self._wait)
        here, inside = self.present(space_id, order.actor), self._inside(space_id, order.actor)

        def decide(space: Space) -> list[Fact]:
            return space.request_to_speak(
                person,
                message,
                consent_to_recording=consent_to_recording,
                followed_by_host=self._people.follows(space.host.id, person.id),
                follows_host=self._people.follows(person.id, space.host.id),
                limits=self._limits,
                here=here,
                inside=inside,
                now=order.at,
            )

        return await self._executor.execute(order, space_id, decide, view)

    async def leave_queue(self, space_id: str, person_id: str) -> None:
        """Take back the request of somebody who left on purpose, if there is one."""
        await self._executor.by_itself(space_id, lambda space, _: space.leave_queue(person_id))

    async def invite(
        self, order: Order, space_id: str, person_id: str, to: InvitedTo, view: Callable[[Space], T]
    ) -> Done[T]:
        """Invite somebody whom neither a block nor a suspension keeps out."""
        person = await self._people.person(person_id, self._wait)

        def decide(space: Space) -> list[Fact]:
            barred = self._people.blocked(person_id, space.host.id) or self._people.suspended(person_id)
            return space.invite(order.actor, person, to, now=order.at, limits=self._limits, barred=barred)

        return await self._executor.execute(order, space_id, decide, view)
