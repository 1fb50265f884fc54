"""Commands on Spaces: look up who it concerns, let the Space decide, save."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from libs.eventstore import Claim, Done, Fact, Order, Store
from libs.refusal import Refusal
from services.room.domain import Because, InvitedTo, Limits, Person, Role, Settings, Space
from services.room.projection import People

T = TypeVar("T")
View = Callable[[Space], T]
Decide = Callable[[Space], Sequence[Fact]]
_SCHEDULED: Final = "scheduled"


class Spaces:
    """All Spaces of this store. `view` makes the answer from the Space right after the decision."""

    def __init__(self, store: Store[Space], people: People, limits: Limits, *, person_wait: float) -> None:
        self._store = store
        self._people = people
        self._limits = limits
        self._wait = person_wait

    async def _do(
        self,
        order: Order,
        space_id: str,
        decide: Decide,
        view: View[T],
        *,
        operator: bool = False,
        claims: Sequence[Claim] = (),
    ) -> Done[T]:
        """Every order of a person comes this way: whoever is not welcome decides nothing."""

        def welcomed(space: Space) -> Sequence[Fact]:
            if not operator:
                self._welcome(space, order.actor)
            return decide(space)

        return await self._store.execute(space_id, order, welcomed, view, claims=claims)

    def _welcome(self, space: Space, actor: str | None) -> None:
        # Who stands on stage was looked at when they came; what changed since has taken them off it.
        known = actor is None or actor in space.stage
        space.welcome(
            actor,
            blocked=not known and self._people.blocked(actor, space.host.id),
            suspended=not known and self._people.suspended(actor),
        )

    # -- its life ----------------------------------------------------------------------------------------------

    async def create(
        self,
        order: Order,
        space_id: str,
        settings: Settings,
        view: View[T],
        *,
        scheduled_start: datetime | None,
        platform: str = "web",
    ) -> Done[T]:
        host = await self._people.person(order.actor, self._wait)

        def deciding(slot: int | None) -> Decide:
            def decide(space: Space) -> list[Fact]:
                self._people.must_be_able_to_host(host.id, platform)
                return space.create(
                    host,
                    settings,
                    scheduled_start=scheduled_start,
                    now=order.at,
                    limits=self._limits,
                    slot=slot,
                )

            return decide

        if scheduled_start is None:
            return await self._store.execute(space_id, order, deciding(None), view)
        for slot in range(self._limits.scheduled):
            claim = _place(host.id, slot, space_id)
            if self._store.claimed(claim.namespace, claim.name) not in (None, space_id):
                continue
            try:
                return await self._store.execute(space_id, order, deciding(slot), view, claims=[claim])
            except Refusal as no:
                if no.reason != "name_taken":  # by another Space of theirs, at this moment
                    raise

        def none_left(_: Space) -> list[Fact]:
            most = self._limits.scheduled
            raise Refusal("too_many_scheduled", f"You have {most} scheduled Spaces already; cancel one first.")

        return await self._store.execute(space_id, order, none_left, view)

    async def _claims(self, space_id: str) -> list[Claim]:
        """What a scheduled Space gives back when it is scheduled no longer."""
        host, slot = await self._store.read(space_id, lambda space: (space.host.id, space.slot))
        return [] if slot is None else [_place(host, slot, None)]

    async def start(self, order: Order, space_id: str, view: View[T]) -> Done[T]:
        claims = await self._claims(space_id)
        return await self._do(order, space_id, lambda space: space.start(order.actor), view, claims=claims)

    async def cancel(self, order: Order, space_id: str, view: View[T]) -> Done[T]:
        claims = await self._claims(space_id)
        return await self._do(order, space_id, lambda space: space.cancel(order.actor), view, claims=claims)

    async def reschedule(self, order: Order, space_id: str, start: datetime, view: View[T]) -> Done[T]:
        def decide(space: Space) -> list[Fact]:
            return space.reschedule(order.actor, start, now=order.at, limits=self._limits)

        return await self._do(order, space_id, decide, view)

    async def change_settings(self, order: Order, space_id: str, changes: dict[str, Any], view: View[T]) -> Done[T]:
        def decide(space: Space) -> list[Fact]:
            return space.change_settings(order.actor, self._limits, **changes)

        return await self._do(order, space_id, decide, view)

    async def end(self, order: Order, space_id: str, view: View[T], *, operator: bool) -> Done[T]:
        def decide(space: Space) -> list[Fact]:
            return space.end(order.actor, operator=operator)

        return await self._do(order, space_id, decide, view, operator=operator)

    async def hand_over(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.hand_over(order.actor, person_id), view)

    # -- onto the stage ----------------------------------------------------------------------------------------

    async def request_to_speak(
        self, order: Order, space_id: str, view: View[T], *, message: str, consent_to_recording: bool, here: bool
    ) -> Done[T]:
        person = await self._people.person(order.actor, self._wait)

        def decide(space: Space) -> list[Fact]:
            return space.request_to_speak(
                person,
                message,
                consent_to_recording=consent_to_recording,
                followed_by_host=self._people.follows(space.host.id, person.id),
                follows_host=self._people.follows(person.id, space.host.id),
                limits=self._limits,
                here=here,
                now=order.at,
            )

        return await self._do(order, space_id, decide, view)

    async def cancel_request(self, order: Order, space_id: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.cancel_request(order.actor), view)

    async def accept_request(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        def decide(space: Space) -> list[Fact]:
            return space.accept_request(order.actor, person_id, limits=self._limits)

        return await self._do(order, space_id, decide, view)

    async def decline_request(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.decline_request(order.actor, person_id), view)

    async def invite(self, order: Order, space_id: str, person_id: str, to: InvitedTo, view: View[T]) -> Done[T]:
        person = await self._people.person(person_id, self._wait)

        def decide(space: Space) -> list[Fact]:
            barred = self._people.blocked(person_id, space.host.id) or self._people.suspended(person_id)
            return space.invite(order.actor, person, to, now=order.at, limits=self._limits, barred=barred)

        return await self._do(order, space_id, decide, view)

    async def accept_invitation(
        self, order: Order, space_id: str, view: View[T], *, consent_to_recording: bool
    ) -> Done[T]:
        def decide(space: Space) -> list[Fact]:
            return space.accept_invitation(
                order.actor, consent_to_recording=consent_to_recording, now=order.at, limits=self._limits
            )

        return await self._do(order, space_id, decide, view)

    async def decline_invitation(self, order: Order, space_id: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.decline_invitation(order.actor), view)

    async def withdraw_invitation(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.withdraw_invitation(order.actor, person_id), view)

    # -- on stage ----------------------------------------------------------------------------------------------

    async def mute(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.mute(order.actor, person_id), view)

    async def mute_all(self, order: Order, space_id: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.mute_all(order.actor), view)

    async def unmute(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.unmute(order.actor, person_id), view)

    async def raise_hand(self, order: Order, space_id: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.raise_hand(order.actor), view)

    async def lower_hand(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.lower_hand(order.actor, person_id), view)

    async def leave_stage(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.leave_stage(order.actor, person_id), view)

    async def appoint_cohost(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        def decide(space: Space) -> list[Fact]:
            return space.appoint_cohost(order.actor, person_id, limits=self._limits)

        return await self._do(order, space_id, decide, view)

    async def dismiss_cohost(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        def decide(space: Space) -> list[Fact]:
            return space.dismiss_cohost(order.actor, person_id, limits=self._limits)

        return await self._do(order, space_id, decide, view)

    async def pin(self, order: Order, space_id: str, pin_id: str, url: str, text: str, view: View[T]) -> Done[T]:
        def decide(space: Space) -> list[Fact]:
            return space.pin(order.actor, pin_id, url, text, limits=self._limits)

        return await self._do(order, space_id, decide, view)

    async def unpin(self, order: Order, space_id: str, pin_id: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.unpin(order.actor, pin_id), view)

    # -- out of it ---------------------------------------------------------------------------------------------

    async def remove(self, order: Order, space_id: str, person_id: str, explanation: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.remove(order.actor, person_id, explanation), view)

    async def readmit(self, order: Order, space_id: str, person_id: str, view: View[T]) -> Done[T]:
        return await self._do(order, space_id, lambda space: space.readmit(order.actor, person_id), view)

    async def bar(self, order: Order, space_id: str, person_id: str, because: Because) -> Sequence[Fact]:
        """What follows from a block or a suspension."""
        claims: Sequence[Claim] = ()
        if await self._store.read(space_id, lambda s: s.state == "scheduled" and s.host.id == person_id):
            claims = await self._claims(space_id)
        bar = self._store.execute(
            space_id, order, lambda space: space.bar(person_id, because), lambda _: None, claims=claims
        )
        return (await bar).facts

    async def unbar(self, order: Order, space_id: str, person_id: str, because: Because) -> Sequence[Fact]:
        """What follows when it is lifted."""
        done = await self._store.execute(space_id, order, lambda space: space.unbar(person_id, because), lambda _: None)
        return done.facts

    async def pass_time(
        self, order: Order, space_id: str, present: Callable[[str], bool] | None
    ) -> tuple[Sequence[Fact], datetime | None]:
        """What comes of its being now, and when to look again though nobody comes or goes."""

        def decide(space: Space) -> list[Fact]:
            return space.pass_time(order.at, present, self._limits)

        due, nothing = await self._store.read(space_id, lambda space: (space.next_due(), not decide(space)))
        if nothing:
            return (), due
        done = await self._store.execute(space_id, order, decide, lambda space: space.next_due())
        return done.facts, done.view

    # -- questions ---------------------------------------------------------------------------------------------

    async def read(self, space_id: str, view: View[T]) -> T:
        """What `view` makes of the Space, once it is committed; it may raise Refusal."""
        return await self._store.read(space_id, view)

    async def look(self, space_id: str, actor: str | None, view: View[T]) -> T:
        """The same for somebody who asks. Raises Refusal: space_unknown, suspended, removed, blocked."""

        def seen(space: Space) -> T:
            self._welcome(space, actor)
            return view(space)

        return await self._store.read(space_id, seen)

    async def admit(
        self, space_id: str, actor: str | None, view: Callable[[Space, Role], T], *, looking_back: bool = False
    ) -> T:
        """What `view` makes of the Space and the actor's role, if they may be in it (or look back). Raises Refusal."""

        def admitted(space: Space) -> T:
            space.admit(
                actor,
                blocked=self._people.blocked(actor, space.host.id),
                follows_host=actor is not None and self._people.follows(actor, space.host.id),
                suspended=self._people.suspended(actor),
                looking_back=looking_back,
            )
            return view(space, space.role_of(actor))

        return await self._store.read(space_id, admitted)

    def blocked_on_stage(self, space: Space, actor: str | None) -> tuple[Person, ...]:
        """People on stage whom somebody has blocked."""
        if actor is None:
            return ()
        return tuple(m.person for m in space.stage.values() if self._people.blocks(actor, m.person.id))

    def hidden(self, person_id: str | None) -> bool:
        """Whether somebody is on no list of listeners."""
        return self._people.hides_listening(person_id)

    def out(self, person_id: str, host_id: str) -> Because | None:
        """Why somebody cannot be in a host's Spaces; None where they can."""
        if self._people.suspended(person_id):
            return "suspended"
        return "blocked" if person_id != host_id and self._people.blocked(person_id, host_id) else None

    def named(self, person_ids: Sequence[str]) -> list[Person]:
        """Those of them who are known."""
        return [person for person_id in person_ids if (person := self._people.find(person_id)) is not None]

    async def person(self, person_id: str | None) -> Person | None:
        """Who somebody is; None for an anonymous one. Raises Refusal person_unknown."""
        return None if person_id is None else await self._people.person(person_id, self._wait)


def _place(host_id: str, slot: int, owner: str | None) -> Claim:
    """One of a host's places for scheduled Spaces; each is taken by one Space."""
    return Claim(_SCHEDULED, f"{host_id}:{slot}", owner)
