"""Load, call, save."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from libs.eventstore import Claim, Done, Order, Store
from libs.refusal import Refusal
from services.people.domain import Person
from services.people.projection import Follows

_HANDLES: Final = "handle"


@dataclass(frozen=True, slots=True)
class Profile:
    """A person as others see them."""

    id: str
    handle: str
    name: str
    following: int
    version: int


class People:
    """Everybody who signed up."""

    def __init__(self, store: Store[Person], follows: Follows, *, max_following: int) -> None:
        self._store = store
        self._follows = follows
        self._max_following = max_following

    async def sign_up(self, order: Order, person_id: str, handle: str, name: str) -> Done[Profile]:
        """Create a profile. The handle is claimed, ignoring case, in the transaction that registers the person: of two
        who ask at once one gets it, and no crash leaves it taken by nobody. Refuses: handle_taken."""
        claims = [Claim(_HANDLES, handle.lower(), person_id)]
        try:
            return await self._store.execute(
                person_id, order, lambda person: person.register(handle, name), _profile, claims=claims
            )
        except Refusal as no:
            if no.reason != "name_taken":
                raise
            raise Refusal("handle_taken", f"Somebody is called @{handle} already; choose another handle.") from no

    async def follow(self, order: Order, follower: str, followee: str) -> int:
        """Follow somebody; the follower's version."""
        exists = await self._exists(followee)
        done = await self._store.execute(
            follower,
            order,
            lambda person: person.follow(followee, followee_exists=exists, most=self._max_following),
            _nothing,
        )
        return done.version

    async def unfollow(self, order: Order, follower: str, followee: str) -> int:
        """Stop following somebody; the follower's version."""
        done = await self._store.execute(follower, order, lambda person: person.unfollow(followee), _nothing)
        return done.version

    async def block(self, order: Order, blocker: str, blocked: str) -> int:
        """Block somebody; the blocker's version."""
        exists = await self._exists(blocked)
        done = await self._store.execute(
            blocker, order, lambda person: person.block(blocked, person_exists=exists), _nothing
        )
        return done.version

    async def unblock(self, order: Order, blocker: str, blocked: str) -> int:
        """Lift a block; the blocker's version."""
        done = await self._store.execute(blocker, order, lambda person: person.unblock(blocked), _nothing)
        return done.version

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
        return await self._store.read(person_id, lambda person: person.exists)


def _profile(person: Person) -> Profile:
    return Profile(person.id, person.handle, person.name, len(person.following), person.version)


def _nothing(person: Person) -> None:
    return None
