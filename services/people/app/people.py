"""Profiles, follows and blocks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Final

from libs.commands import Executor, of_kind
from libs.eventstore import Claim, Done, Fact, Order, Store
from libs.keyring import Words
from libs.refusal import Refusal
from services.people.app.sign_up_codes import SignUpCodes
from services.people.app.vault import NAME, PROFILE, Vault, of_person
from services.people.domain.entities import Entity
from services.people.domain.person import Person
from services.people.domain.profile import Changes, Limits, ProfileChanged, tidy
from services.people.projection import Follows, Named, Names

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
    bio: str
    links: tuple[str, ...]


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
        names: Names,
        codes: SignUpCodes,
        vault: Vault,
        *,
        invite_only: bool,
        max_following: int,
        limits: Limits,
    ) -> None:
        self._store = store
        self._executor = executor
        self._follows = follows
        self._names = names
        self._codes = codes
        self._vault = vault
        self._profile = of_kind(Person, self._seen)
        self._invite_only = invite_only
        self._max_following = max_following
        self._limits = limits

    async def sign_up(
        self, order: Order, person_id: str, handle: str, name: str, invitation: str | None = None
    ) -> Done[Profile]:
        """Create a profile. The handle is claimed, ignoring case, in the transaction that registers the person: of two
        who ask at once one gets it, and no crash leaves it taken by nobody. Where the instance is invite-only, so is
        one use of the invitation code. Refuses: handle_taken, invitation_needed."""
        for _ in range(_ATTEMPTS):
            words: Words = ""
            claims = [Claim(_HANDLES, handle.lower(), person_id)]
            no: Refusal | None = None
            if self._invite_only:
                try:
                    claims.append(await self._codes.claim(invitation, person_id, order.at))
                except Refusal as refusal:
                    no = refusal
            if self._store.claimed(_HANDLES, handle.lower()) not in (None, person_id):
                no = no or _taken(handle)
            elif no is None:
                # Not for who is refused anyway: that would leave a key behind.
                words = self._vault.seal(of_person(person_id), NAME, name)
            decide = of_kind(Person, partial(_register, handle=handle, name=words, no=no))
            try:
                return await self._executor.execute(order, person_id, decide, self._profile, claims=claims)
            except Refusal as refused:
                if refused.reason != "name_taken":
                    raise
            if self._store.claimed(_HANDLES, handle.lower()) is not None:
                raise _taken(handle)
            # Then somebody else has just taken the same use of the code: there may be another.
        raise Refusal("unavailable", "Too many sign up with this code at once; try again.", retry=True)

    async def change_profile(self, order: Order, person_id: str, wanted: NewProfile) -> Done[Profile]:
        """Change a profile. The new handle is claimed and the old one given back in the transaction that changes it.

        Refuses: person_unknown, suspended, handle_taken, changed_too_often, invalid, unavailable.
        """
        for _ in range(_ATTEMPTS):
            before = await self._store.read(person_id, of_kind(Person, lambda person: person.profile.said))
            changes = Changes(handle=wanted.handle)
            no: Refusal | None = None
            if before.handle:  # not for who has not signed up: that would leave a key behind
                try:
                    changes = self._to_store(person_id, before, wanted)
                except Refusal as refusal:
                    no = refusal
            decide = partial(_change, before=before, changes=changes, limits=self._limits, no=no, order=order)
            claims = _renaming(before.handle, wanted.handle, person_id)
            try:
                return await self._executor.execute(
                    order, person_id, of_kind(Person, decide), self._profile, claims=claims
                )
            except _Stale:
                continue
            except Refusal as refused:
                if refused.reason != "name_taken" or wanted.handle is None:
                    raise
                raise _taken(wanted.handle) from refused
        raise Refusal("unavailable", "Too many changes at once; try again.", retry=True)

    def _to_store(self, person_id: str, before: ProfileChanged, wanted: NewProfile) -> Changes:
        """What of it is not so already, sealed. Refuses: invalid, unavailable, wrong_state for who was erased."""
        lock = of_person(person_id)

        def differing(unit: str, text: str | None, now: Words) -> Words | None:
            same = text is None or text == self._vault.read(lock, unit, now)
            return None if same else self._vault.seal(lock, unit, text or "")

        links = None if wanted.links is None else tidy(wanted.links)
        if links == tuple(self._vault.read(lock, PROFILE, link) for link in before.links):
            links = None
        return Changes(
            handle=wanted.handle,
            name=differing(NAME, wanted.name, before.name),
            bio=differing(PROFILE, wanted.bio, before.bio),
            links=None if links is None else tuple(self._vault.seal(lock, PROFILE, link) for link in links),
        )

    async def follow(self, order: Order, follower: str, followee: str) -> int:
        """Follow somebody; the follower's version."""
        exists, blocked = await self._exists(followee), await self._blocks(followee, follower)

        def decide(person: Person) -> list[Fact]:
            return person.follow(followee, followee_exists=exists, most=self._max_following, blocked=blocked)

        done = await self._executor.execute(order, follower, of_kind(Person, decide))
        if await self._blocks(followee, follower):  # since it was looked at
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
        return done.version

    async def _no_longer_follows(self, follower: str, followee: str) -> None:
        end = of_kind(Person, lambda person: person.unfollow(followee))
        await self._executor.by_itself(follower, lambda person, _: end(person))

    async def _blocks(self, blocker: str, person_id: str) -> bool:
        return await self._store.read(blocker, of_kind(Person, lambda person: person_id in person.blocked))

    async def change_privacy(
        self, order: Order, person_id: str, protected: bool | None, hides_listening: bool | None
    ) -> Done[Profile]:
        """Choose what to keep to oneself. Refuses: person_unknown."""
        decide = of_kind(Person, lambda person: person.change_privacy(protected, hides_listening))
        return await self._executor.execute(order, person_id, decide, self._profile)

    async def profile(self, person_id: str) -> Profile:
        """A person. Refuses: person_unknown."""
        profile = await self._store.read(person_id, self._profile)
        if profile.version == 0:
            raise Refusal("person_unknown", "There is no such person.")
        return profile

    def _seen(self, person: Person) -> Profile:
        return Profile(
            person.id,
            person.profile.handle,
            self._vault.read_name(person.id, person.profile.name),
            len(person.following),
            person.version,
            person.protected,
            person.hides_listening,
            self._vault.read(of_person(person.id), PROFILE, person.profile.bio),
            tuple(filter(None, (self._vault.read(of_person(person.id), PROFILE, it) for it in person.profile.links))),
        )

    async def followers(self, person_id: str) -> int:
        """How many follow a person, everything committed included."""
        await self._follows.catch_up(self._store)
        return self._follows.followers(person_id)

    async def find(self, asker: str, sought: str, limit: int) -> list[Named]:
        """People by handle or name, everything committed included; see `Names.find`."""
        await self._names.catch_up(self._store)
        return self._names.find(asker, sought, limit)

    async def _exists(self, person_id: str) -> bool:
        return await self._store.read(person_id, of_kind(Person, lambda person: person.exists))


def _taken(handle: str) -> Refusal:
    return Refusal("handle_taken", f"Somebody is called @{handle} already; choose another handle.", field="handle")


def _register(person: Person, *, handle: str, name: Words, no: Refusal | None) -> list[Fact]:
    """Register, unless handle or code was refused: said here, so that a sign-up sent again is answered as it was."""
    if no is not None:
        raise no
    return person.register(handle, name)


def _renaming(before: str, after: str | None, person_id: str) -> list[Claim]:
    """What is claimed and given back when a handle changes."""
    old, new = before.lower(), before.lower() if after is None else after.lower()
    return [] if old == new else [Claim(_HANDLES, new, person_id), Claim(_HANDLES, old, None)]


def _change(
    person: Person, *, before: ProfileChanged, changes: Changes, limits: Limits, no: Refusal | None, order: Order
) -> list[Fact]:
    """Change the profile, unless the words in it were refused. Raises _Stale where it is no longer as it was `before`:
    then other handles are to be claimed, and other words differ."""
    if person.profile.said != before:
        raise _Stale
    facts = person.change_profile(changes, now=order.at, limits=limits)
    if no is not None:
        raise no
    return facts
