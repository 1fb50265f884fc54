"""Profiles, follows and blocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from libs.commands import Executor, of_kind
from libs.eventstore import Done, Fact, Order, Store
from libs.keyring import Words
from libs.refusal import Refusal
from services.people.app.handles import Handles, taken
from services.people.app.people_sealer import IDENTITY, NAME, PROFILE, PeopleSealer, of_person
from services.people.app.sign_up_codes import SignUpCodes
from services.people.domain.entities import Entity
from services.people.domain.identity import with_picture
from services.people.domain.person import Person
from services.people.domain.profile import Changes, ProfileChanged, ProfileLimits, tidy
from services.people.projection.follows import Follows
from services.people.projection.names import FoundPerson, NameSearch

_ATTEMPTS: Final = 8


@dataclass(frozen=True, slots=True)
class PublicProfile:
    """A person as others see them."""

    id: str
    handle: str
    name: str
    following: int
    version: int
    protected: bool
    hides_listening: bool
    bio: str
    links: tuple[str, ...]
    picture: str
    """Its id; empty where there is none."""


@dataclass(frozen=True, slots=True)
class NewProfile:
    """What somebody wants to say of themself, as they wrote it; None stays."""

    handle: str | None = None
    name: str | None = None
    bio: str | None = None
    links: tuple[str, ...] | None = None


class _Stale(Exception):
    """The person says something else of themself than when it was looked up."""


class People:
    """Everybody who signed up."""

    def __init__(
        self,
        store: Store[Entity],
        executor: Executor[Entity],
        follows: Follows,
        names: NameSearch,
        codes: SignUpCodes,
        handles: Handles,
        sealer: PeopleSealer,
        *,
        invite_only: bool,
        max_following: int,
        limits: ProfileLimits,
    ) -> None:
        self._store = store
        self._executor = executor
        self._follows = follows
        self._names = names
        self._codes = codes
        self._handles = handles
        self._sealer = sealer
        self._profile = of_kind(Person, self.seen)
        self._invite_only = invite_only
        self._max_following = max_following
        self._limits = limits

    async def sign_up(
        self, order: Order, person_id: str, handle: str, name: str, invitation: str | None = None
    ) -> Done[PublicProfile]:
        """Create a profile. The handle is claimed, ignoring case, in the transaction that registers the person: of two
        who ask at once one gets it, and no crash leaves it taken by nobody. Where the instance is invite-only, so is
        one use of the invitation code. Refuses: handle_taken, invitation_needed."""
        for _ in range(_ATTEMPTS):
            called: Words = ""
            words: Words = ""
            claims = self._handles.take(handle, person_id)
            no: Refusal | None = None
            if self._invite_only:
                try:
                    claims.append(await self._codes.claim(invitation, person_id, order.at))
                except Refusal as refusal:
                    no = refusal
            try:
                self._handles.must_be_free(handle, person_id)
            except Refusal as refusal:
                no = no or refusal
            if no is None:
                # Not for who is refused anyway: that would leave a key behind.
                called = self._sealer.seal(of_person(person_id), NAME, handle)
                words = self._sealer.seal(of_person(person_id), NAME, name)
            decide = of_kind(Person, partial(_register, handle=called, name=words, no=no))
            try:
                return await self._executor.execute(order, person_id, decide, self._profile, claims=claims)
            except Refusal as refused:
                if refused.reason != "name_taken":
                    raise
            if self._handles.is_held(handle):
                raise taken(handle)
            # Then somebody else has just taken the same use of the code: there may be another.
        raise Refusal("unavailable", "Too many sign up with this code at once; try again.", retry=True)

    async def change_profile(self, order: Order, person_id: str, wanted: NewProfile) -> Done[PublicProfile]:
        """Change a profile. The new handle is claimed and the old one given back in the transaction that changes it.

        Refuses: person_unknown, suspended, handle_taken, changed_too_often, invalid, unavailable.
        """
        for _ in range(_ATTEMPTS):
            before = await self._store.read(person_id, of_kind(Person, lambda person: person.profile.said))
            changes = Changes()
            no: Refusal | None = None
            called = self._sealer.read_name(person_id, before.handle)
            if before.handle:  # not for who has not signed up: that would leave a key behind
                try:
                    changes = self._to_store(person_id, before, wanted)
                except Refusal as refusal:
                    no = refusal
            decide = partial(_change, before=before, changes=changes, limits=self._limits, no=no, order=order)
            claims = self._handles.change(called, wanted.handle, person_id)
            try:
                return await self._executor.execute(
                    order, person_id, of_kind(Person, decide), self._profile, claims=claims
                )
            except _Stale:
                continue
            except Refusal as refused:
                if refused.reason != "name_taken" or wanted.handle is None:
                    raise
                raise taken(wanted.handle) from refused
        raise Refusal("unavailable", "Too many changes at once; try again.", retry=True)

    async def change_picture(
        self, order: Order, person_id: str, picture: str, source: str | None = None
    ) -> Done[PublicProfile]:
        """Have a picture by its id, or none where that is empty; `source`, where it was fetched because their issuer
        names that. Refuses: person_unknown, suspended, changed_too_often."""
        changes = Changes(picture=picture)

        def decide(person: Person) -> list[Fact]:
            facts = person.change_profile(changes, now=order.at, limits=self._limits)
            if source is None:
                return facts
            told = person.identified
            if told is None or self._sealer.read(of_person(person_id), IDENTITY, told.picture) != source:
                return []
            return [*facts, with_picture(told)]

        return await self._executor.execute(order, person_id, of_kind(Person, decide), self._profile)

    async def may_change(self, person_id: str, order: Order) -> None:
        """Refuses as `change_picture` would."""
        changes = Changes(picture=order.id)
        check = of_kind(Person, lambda person: person.change_profile(changes, now=order.at, limits=self._limits))
        await self._store.read(person_id, check)

    def _to_store(self, person_id: str, before: ProfileChanged, wanted: NewProfile) -> Changes:
        """What of it is not so already, sealed. Refuses: invalid, unavailable, wrong_state for who was erased."""
        lock = of_person(person_id)

        def differing(unit: str, text: str | None, now: Words) -> Words | None:
            same = text is None or text == self._sealer.read(lock, unit, now)
            return None if same else self._sealer.seal(lock, unit, text or "")

        links = None if wanted.links is None else tidy(wanted.links)
        if links == tuple(self._sealer.read(lock, PROFILE, link) for link in before.links):
            links = None
        handle = differing(NAME, wanted.handle, before.handle)
        if wanted.handle is not None and handle is not None:
            self._handles.must_be_free(wanted.handle, person_id)
        return Changes(
            handle=handle,
            name=differing(NAME, wanted.name, before.name),
            bio=differing(PROFILE, wanted.bio, before.bio),
            links=None if links is None else tuple(self._sealer.seal(lock, PROFILE, link) for link in links),
        )

    async def follow(self, order: Order, follower: str, followee: str) -> int:
        """Follow somebody; the follower's version."""
        exists, blocked = await self._exists(followee), await self._blocks(followee, follower)

        def decide(person: Person) -> list[Fact]:
            return person.follow(followee, followee_exists=exists, most=self._max_following, blocked=blocked)

        done = await self._executor.execute(order, follower, of_kind(Person, decide))
        # Since it was looked at:
        if await self._blocks(followee, follower) or not await self._exists(followee):
            await self._no_longer_follows(follower, followee)
        return done.version

    async def block(self, order: Order, blocker: str, blocked: str) -> int:
        """Block somebody, who then follows the blocker no longer; the blocker's version."""
        exists = await self._exists(blocked)
        done = await self._executor.execute(
            order, blocker, of_kind(Person, lambda person: person.block(blocked, person_exists=exists))
        )
        # Also where the block was there before: the process may have died between the two.
        if await self._blocks(blocker, blocked):
            await self._no_longer_follows(blocked, blocker)
        if not await self._exists(blocked):  # erased since it was looked at
            end = of_kind(Person, lambda person: person.end_ties_to(blocked))
            await self._executor.by_itself(blocker, lambda person, _: end(person))
        return done.version

    async def holder(self, handle: str) -> PublicProfile:
        """Who has a handle, ignoring case. Refuses: person_unknown."""
        return await self.profile(self._handles.holder(handle) or "")

    async def _no_longer_follows(self, follower: str, followee: str) -> None:
        end = of_kind(Person, lambda person: person.unfollow(followee))
        await self._executor.by_itself(follower, lambda person, _: end(person))

    async def _blocks(self, blocker: str, person_id: str) -> bool:
        return await self._store.read(blocker, of_kind(Person, lambda person: person_id in person.blocked))

    async def change_privacy(
        self, order: Order, person_id: str, protected: bool | None, hides_listening: bool | None
    ) -> Done[PublicProfile]:
        """Choose what to keep to oneself. Refuses: person_unknown."""
        decide = of_kind(Person, lambda person: person.change_privacy(protected, hides_listening))
        return await self._executor.execute(order, person_id, decide, self._profile)

    async def profile(self, person_id: str) -> PublicProfile:
        """A person. Refuses: person_unknown."""
        if not await self._exists(person_id):
            raise Refusal("person_unknown", "There is no such person.")
        return await self._store.read(person_id, self._profile)

    def seen(self, person: Person) -> PublicProfile:
        """A person as others see them."""
        return PublicProfile(
            person.id,
            self._sealer.read_name(person.id, person.profile.handle),
            self._sealer.read_name(person.id, person.profile.name),
            len(person.following),
            person.version,
            person.protected,
            person.hides_listening,
            self._sealer.read(of_person(person.id), PROFILE, person.profile.bio),
            tuple(filter(None, (self._sealer.read(of_person(person.id), PROFILE, it) for it in person.profile.links))),
            person.profile.picture,
        )

    async def followers(self, person_id: str) -> int:
        """How many follow a person, everything committed included."""
        await self._follows.catch_up(self._store)
        return self._follows.followers(person_id)

    async def find(self, asker: str, sought: str, limit: int) -> list[FoundPerson]:
        """People by handle or name, everything committed included; see `NameSearch.find`."""
        await self._names.catch_up(self._store)
        return self._names.find(asker, sought, limit)

    async def _exists(self, person_id: str) -> bool:
        return await self._store.read(person_id, of_kind(Person, lambda person: person.exists))


def _register(person: Person, *, handle: Words, name: Words, no: Refusal | None) -> list[Fact]:
    """Register, unless handle or code was refused: said here, so that a sign-up sent again is answered as it was."""
    if no is not None:
        raise no
    return person.register(handle, name)


def _change(
    person: Person, *, before: ProfileChanged, changes: Changes, limits: ProfileLimits, no: Refusal | None, order: Order
) -> list[Fact]:
    """Change the profile, unless the words in it were refused. Raises _Stale where it is no longer as it was `before`:
    then other handles are to be claimed, and other words differ."""
    if person.profile.said != before:
        raise _Stale
    facts = person.change_profile(changes, now=order.at, limits=limits)
    if no is not None:
        raise no
    return facts
