"""Who is who elsewhere: an issuer and its subject are one person here, for ever.

What is kept for finding them is a keyed mark, as of the handles of erased people: nobody reads from it whom it means.
When a person is erased it goes. Another one is kept as long as their handle is, so that a token that was issued before
does not begin a new account.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from libs.commands import Executor, of_kind
from libs.eventstore import Claim, Done, Fact, Order, Store
from libs.keyring import Words
from libs.refusal import Refusal
from services.people.app.handles import Handles
from services.people.app.people import People, PublicProfile
from services.people.app.people_sealer import IDENTITY, NAME, PeopleSealer, of_person
from services.people.domain.entities import Entity
from services.people.domain.identity import Identified
from services.people.domain.person import Person
from services.people.domain.profile import Changes

_HELD: Final = "identity"
_KEPT: Final = "identity-kept"
"""Of who was erased."""
_LONGEST_HANDLE: Final = 15
_ATTEMPTS: Final = 8
_GONE: Final = "This account was deleted. Sign in again to begin a new one."
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class IssuedProfile:
    """What an issuer says of somebody; None is not said."""

    issuer: str
    subject: str
    issued_at: datetime | None
    handle: str | None = None
    name: str | None = None
    protected: bool | None = None
    picture: str | None = None


@dataclass(frozen=True, slots=True)
class AtIssuer:
    """Somebody as an issuer knows them, and as they are called here."""

    id: str
    subject: str | None
    handle: str
    name: str


class Identities:
    """Everybody who comes from elsewhere."""

    def __init__(
        self, store: Store[Entity], executor: Executor[Entity], people: People, handles: Handles, sealer: PeopleSealer
    ) -> None:
        self._store = store
        self._executor = executor
        self._people = people
        self._handles = handles
        self._sealer = sealer

    async def sign_in(self, order: Order, new_id: str, said: IssuedProfile) -> Done[PublicProfile]:
        """The person that an issuer means; a new one of `new_id` where there is none. Refuses: unauthenticated,
        unavailable."""
        mark = self._mark(said.issuer, said.subject)
        for attempt in range(_ATTEMPTS):
            person_id = self._store.claimed(_HELD, mark)
            try:
                if person_id is None:
                    return await self._register(order, new_id, mark, said, attempt)
                return await self._take_over(order, person_id, said, attempt)
            except _Stale:
                continue
            except Refusal as refused:
                # Somebody has just taken the handle, or the same person came by another way.
                if refused.reason != "name_taken":
                    raise
        raise Refusal("unavailable", "Too many sign in at once; try again.", retry=True)

    async def find(self, issuer: str, subject: str) -> PublicProfile:
        """Whom an issuer means by a subject. Refuses: person_unknown."""
        return await self._people.profile(self._store.claimed(_HELD, self._mark(issuer, subject)) or "")

    def id_of(self, issuer: str, subject: str) -> str | None:
        """The id of whom an issuer means by a subject, committed as it is; None of nobody."""
        return self._store.claimed(_HELD, self._mark(issuer, subject))

    async def prepare(self, new: Mapping[str, IssuedProfile]) -> None:
        """Have the keys at hand of those among many who will be registered, by the ids that they would have. Refuses:
        unavailable."""
        ids = {self._mark(said.issuer, said.subject): person_id for person_id, said in new.items()}
        unknown = [
            of_person(person_id)
            for mark, person_id in ids.items()
            if self._store.claimed(_HELD, mark) is None and self._store.claimed(_KEPT, mark) is None
        ]
        if unknown:
            await self._sealer.prepare(unknown)

    async def told_by(self, issuer: str | None, person_id: str) -> AtIssuer | None:
        """Whom an issuer means by which subject, given their id here; None of nobody. Refuses: unavailable."""

        def look(person: Person) -> AtIssuer | None:
            if not person.version:
                return None
            said, read = person.identified, partial(self._sealer.read, of_person(person_id), IDENTITY)
            theirs = said is not None and issuer is not None and read(said.issuer) == issuer
            called = partial(self._sealer.read_name, person_id)
            subject = read(said.subject) if said is not None and theirs else ""
            return AtIssuer(person_id, subject or None, called(person.profile.handle), called(person.profile.name))

        return await self._store.read(person_id, of_kind(Person, look))

    def _mark(self, issuer: str, subject: str) -> str:
        return self._sealer.mark(f"identity\0{issuer}\0{subject}")

    # -- who comes first ---------------------------------------------------------------------------------------

    async def _register(
        self, order: Order, person_id: str, mark: str, said: IssuedProfile, attempt: int
    ) -> Done[PublicProfile]:
        erased_at = await self._may_come_back(mark, said.issued_at or _LONG_AGO)
        handle = self._free_handle(said, person_id, attempt)
        claims = [Claim(_HELD, mark, person_id), *self._handles.take(handle, person_id)]
        if self._store.claimed(_KEPT, mark) is not None:
            claims.append(Claim(_KEPT, mark, None))
        seal = partial(self._sealer.seal, of_person(person_id))
        called, name = seal(NAME, handle), seal(NAME, said.name or handle)
        sealed = self._sealed(person_id, said, erased_at)
        begin = of_kind(Person, partial(Person.begin, handle=called, name=name, said=sealed))
        return await self._executor.execute(order, person_id, begin, of_kind(Person, self._people.seen), claims=claims)

    async def _may_come_back(self, mark: str, issued_at: datetime) -> datetime | None:
        """When the person of this mark was erased, if any was. Refuses: unauthenticated, for an earlier token."""
        erased = self._store.claimed(_KEPT, mark)
        if erased is None:
            return None
        erasure = await self._store.read(erased, of_kind(Person, lambda person: person.erasure))
        if erasure is None or issued_at <= erasure.at:
            raise Refusal("unauthenticated", _GONE)
        return erasure.at

    def _free_handle(self, said: IssuedProfile, person_id: str, attempt: int) -> str:
        for handle in _handles(said.handle or said.name or "", at_random=attempt > 0):
            try:
                self._handles.must_be_free(handle, person_id)
            except Refusal as refused:
                if refused.reason != "handle_taken":
                    raise
                continue
            return handle
        raise Refusal("unavailable", "No handle is free that resembles this one; try again.", retry=True)

    # -- who was here before -----------------------------------------------------------------------------------

    async def _take_over(self, order: Order, person_id: str, said: IssuedProfile, attempt: int) -> Done[PublicProfile]:
        """Let what the issuer says of somebody be so, as far as it is another than the last time.

        A token that is older than the one that was taken over last changes nothing. Refuses: unauthenticated.
        """

        def look(person: Person) -> tuple[Identified | None, Words, bool]:
            waits = not person.exists or person.suspension is not None
            return person.identified, person.profile.handle, waits

        before, stored, waits = await self._store.read(person_id, of_kind(Person, look))
        read = partial(self._sealer.read, of_person(person_id))
        told = (
            None
            if before is None
            else (
                read(IDENTITY, before.handle),
                read(IDENTITY, before.name),
                before.protected,
                self._picture(person_id, before),
            )
        )
        since = None if before is None else before.refused_until
        if since is not None and (said.issued_at or _LONG_AGO) <= since:
            raise Refusal("unauthenticated", _GONE)
        if (
            waits
            or _is_older(said, before)
            or told == (said.handle or "", said.name or "", said.protected, said.picture or "")
        ):
            profile = await self._people.profile(person_id)
            return Done(profile.version, profile)
        handle = name = None
        seal = partial(self._sealer.seal, of_person(person_id))
        called = self._sealer.read_name(person_id, stored)
        claims: list[Claim] = []
        if said.handle and (told is None or told[0] != said.handle):
            wanted = self._free_handle(said, person_id, attempt)
            claims, handle = self._handles.change(called, wanted, person_id), seal(NAME, wanted)
        if said.name and (told is None or told[1] != said.name):
            name = seal(NAME, said.name)
        same_picture = told is not None and before is not None and told[3] == (said.picture or "")
        taken = same_picture and before is not None and before.picture_taken
        sealed = self._sealed(person_id, said, since, picture_taken=taken)
        changes = Changes(handle=handle, name=name)

        def decide(person: Person) -> list[Fact]:
            if person.identified != before or person.profile.handle != stored:
                raise _Stale
            return person.identify(sealed, changes, now=order.at)

        return await self._executor.execute(
            order, person_id, of_kind(Person, decide), of_kind(Person, self._people.seen), claims=claims
        )

    def _picture(self, person_id: str, told: Identified) -> str:
        return self._sealer.read(of_person(person_id), IDENTITY, told.picture)

    async def picture_due(self, person_id: str, source: str) -> bool:
        """Whether an issuer's picture of somebody is not taken yet."""
        told = await self._store.read(person_id, of_kind(Person, lambda person: person.identified))
        return told is not None and not told.picture_taken and self._picture(person_id, told) == source

    def _sealed(
        self, person_id: str, said: IssuedProfile, refused_until: datetime | None, *, picture_taken: bool = False
    ) -> Identified:
        seal = partial(self._sealer.seal, of_person(person_id), IDENTITY)
        return Identified(
            issuer=seal(said.issuer),
            subject=seal(said.subject),
            handle=seal(said.handle or ""),
            name=seal(said.name or ""),
            protected=said.protected,
            issued_at=said.issued_at,
            refused_until=refused_until,
            picture=seal(said.picture or ""),
            picture_taken=picture_taken,
        )


class IdentityMarks:
    """What is kept to find people by whom an issuer means, when they are erased."""

    def __init__(self, store: Store[Entity]) -> None:
        self._store = store

    async def give_up(self, person_id: str, *, keep: bool) -> list[Claim]:
        """What is given back of who is erased, and kept while a token of theirs may be good."""
        claims: list[Claim] = []
        for mark in await self._store.names_of(_HELD, person_id):
            claims.append(Claim(_HELD, mark, None))
            if keep:
                claims.append(Claim(_KEPT, mark, person_id))
        return claims

    async def free(self, person_id: str) -> list[Claim]:
        """What is given back when nothing of an erased person is kept any more."""
        return [Claim(_KEPT, mark, None) for mark in await self._store.names_of(_KEPT, person_id)]


class _Stale(Exception):
    """Somebody else has changed the person since they were looked up."""


def _is_older(said: IssuedProfile, before: Identified | None) -> bool:
    """Whether a token was made before the one that was taken over last."""
    if before is None or before.issued_at is None:
        return False
    return said.issued_at is None or said.issued_at < before.issued_at


def _plain(text: str) -> str:
    """What of a text may stand in a handle. Of an address of mail, what stands before the host."""
    letters = unicodedata.normalize("NFKD", text.strip().removeprefix("@").partition("@")[0])
    return re.sub(r"[^A-Za-z0-9]+", "_", "".join(one for one in letters if not unicodedata.combining(one))).strip("_")


def _handles(wanted: str, *, at_random: bool) -> Iterator[str]:
    """Handles that resemble one, the closest first; where others take them at the same time, any of them."""
    plain = _plain(wanted)[:_LONGEST_HANDLE] or "guest"
    if not at_random:
        yield plain
        for number in range(2, 10):
            yield f"{plain[: _LONGEST_HANDLE - 1]}{number}"
    for digits in (3, 5, 8):
        for _ in range(5):
            yield f"{plain[: _LONGEST_HANDLE - digits]}{random.randrange(10**digits):0{digits}}"
