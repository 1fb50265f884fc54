"""Profiles, follows and blocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from libs.eventstore import Claim, Done, Fact, Order, Store
from libs.refusal import Refusal
from services.people.app.entity import nothing, of_person
from services.people.app.invitations import Codes
from services.people.domain import Entity, Person
from services.people.projection import Follows

_HANDLES: Final = "handle"
_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as others see them."""

    id: str
    handle: str
    name: str
    following: int
    version: int
    protected: bool
    hides_listening: bool


class People:
    """Everybody who signed up."""

    def __init__(
        self, store: Store[Entity], follows: Follows, codes: Codes, *, invite_only: bool, max_following: int
    ) -> None:
        self._store = store
        self._follows = follows
        self._codes = codes
        self._invite_only = invite_only
        self._max_following = max_following

    async def sign_up(
        self, order: Order, person_id: str, handle: str, name: str, invitation: str | None = None
    ) -> Done[Profile]:
        """Create a profile. The handle is claimed, ignoring case, in the transaction that registers the person: of two
        who ask at once one gets it, and no crash leaves it taken by nobody. Where the instance is invite-only, so is
        one use of the invitation code. Refuses: handle_taken, invitation_needed."""
        for _ in range(_ATTEMPTS):
            claims = [Claim(_HANDLES, handle.lower(), person_id)]
            no: Refusal | None = None
            if self._invite_only:
                try:
                    claims.append(await self._codes.claim(invitation, person_id, order.at))
                except Refusal as refusal:
                    no = refusal
            decide = of_person(partial(_register, handle=handle, name=name, no=no))
            try:
                return await self._store.execute(person_id, order, decide, _profile, claims=claims)
            except Refusal as refused:
                if refused.reason != "name_taken":
                    raise
            if self._store.claimed(_HANDLES, handle.lower()) is not None:
                raise Refusal("handle_taken", f"Somebody is called @{handle} already; choose another handle.")
            # Then somebody else has just taken the same use of the code: there may be another.
        raise Refusal("unavailable", "Too many sign up with this code at once; try again.", retry=True)

    async def follow(self, order: Order, follower: str, followee: str) -> int:
        """Follow somebody; the follower's version."""
        exists = await self._exists(followee)
        done = await self._store.execute(
            follower,
            order,
            of_person(lambda person: person.follow(followee, followee_exists=exists, most=self._max_following)),
            nothing,
        )
        return done.version

    async def unfollow(self, order: Order, follower: str, followee: str) -> int:
        """Stop following somebody; the follower's version."""
        done = await self._store.execute(follower, order, of_person(lambda person: person.unfollow(followee)), nothing)
        return done.version

    async def block(self, order: Order, blocker: str, blocked: str) -> int:
        """Block somebody; the blocker's version."""
        exists = await self._exists(blocked)
        done = await self._store.execute(
            blocker, order, of_person(lambda person: person.block(blocked, person_exists=exists)), nothing
        )
        return done.version

    async def unblock(self, order: Order, blocker: str, blocked: str) -> int:
        """Lift a block; the blocker's version."""
        done = await self._store.execute(blocker, order, of_person(lambda person: person.unblock(blocked)), nothing)
        return done.version

    async def change_privacy(
        self, order: Order, person_id: str, protected: bool | None, hides_listening: bool | None
    ) -> Done[Profile]:
        """Choose what to keep to oneself. Refuses: person_unknown."""
        decide = of_person(lambda person: person.change_privacy(protected, hides_listening))
        return await self._store.execute(person_id, order, decide, _profile)

    async def profile(self, person_id: str) -> Profile:
        """A person. Refuses: person_unknown."""
        profile = await self._store.read(person_id, _profile)
        if profile.version == 0:
            raise Refusal("person_unknown", "There is no such person.")
        return profile

    async def followers(self, person_id: str) -> int:
        """How many follow a person, everything committed included."""
        await self._follows.catch_up(self._store)
        return self._follows.followers(person_id)

    async def _exists(self, person_id: str) -> bool:
        return await self._store.read(person_id, of_person(lambda person: person.exists))


def _register(person: Person, *, handle: str, name: str, no: Refusal | None) -> list[Fact]:
    """Register, unless the code was refused: said here, so that a sign-up sent again is answered as it was."""
    if no is not None:
        raise no
    return person.register(handle, name)


@of_person
def _profile(person: Person) -> Profile:
    return Profile(
        person.id,
        person.handle,
        person.name,
        len(person.following),
        person.version,
        person.protected,
        person.hides_listening,
    )
