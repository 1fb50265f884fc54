"""Tokens of the product that this is a part of: whoever is signed in there is signed in here."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from contracts.people.v1 import Person, SignIn, SubjectQuery
from libs.identity import (
    OWN_ISSUER,
    CheckedClaims,
    Claims,
    Compact,
    FetchedKeys,
    Issuer,
    IssuerClock,
    KeysAway,
    OwnTokens,
    TokenRefused,
    read_compact,
)
from libs.identity.issuer import SKEW
from libs.refusal import Refusal
from services.gateway.app.identity import REVOKED, ClaimNames, IssuerClaims, KeysMissing, TakenBack, sign_in_of
from services.gateway.app.identity.logging_out import LogoutTokens, sign_in_name

_KEPT: Final = 8_192
"""Tokens that are known to be good."""
_KNOWN: Final = 20_000
"""People of whom it is known what their issuer said last."""
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Good:
    claims: Claims
    key: str
    """The thumbprint of the key that signed it."""


@dataclass(frozen=True, slots=True)
class _Read:
    """A token from the issuer, for us and in time; its signature is not looked at yet."""

    token: Compact
    told: CheckedClaims
    claims: dict[str, Any]


class ProductTokens:
    """Verifies tokens of an issuer, and asks people whom they mean."""

    open_to_all = False

    def __init__(
        self,
        own: OwnTokens,
        keys: FetchedKeys,
        issuer: Issuer,
        clock: IssuerClock,
        names: ClaimNames,
        sign_in: Callable[[SignIn], Awaitable[Person]],
        find: Callable[[SubjectQuery], Awaitable[Person]],
        taken_back: TakenBack,
        logout_tokens: LogoutTokens,
    ) -> None:
        self.own = own
        self.logout_tokens = logout_tokens
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self._names = names
        self._sign_in = sign_in
        self._find = find
        self._taken_back = taken_back
        self._good: OrderedDict[str, _Good] = OrderedDict()
        self._people: OrderedDict[str, tuple[str, IssuerClaims, datetime]] = OrderedDict()
        """By subject: who they are, what was said of them, and when the oldest token was made that people accepted."""
        self._asking: dict[tuple[str, IssuerClaims, datetime], asyncio.Task[str]] = {}

    async def verify(self, token: str) -> Claims:
        """What a token says. Raises TokenRefused; Refusal: unavailable.

        One that was good is good until it expires, or its key is no longer the issuer's.
        """
        if (good := self._known(token)) is not None:
            return good
        read = self._read(token)
        if isinstance(read, Claims):
            return read
        try:
            key = await self._keys.signer(read.token)
        except KeysAway as away:
            raise KeysMissing(away.seconds) from away
        said, sid = self._names.read(read.claims), read.claims.get("sid")
        sign_in = sign_in_name(self._issuer.name, sid) if isinstance(sid, str) and sid else None
        if self._taken_back.revoked.any_of((read.token.id, sign_in)):
            raise TokenRefused(REVOKED)
        issued_at = self._issued(read.told)
        claims = Claims(
            person_id=await self._person(read.told, said, issued_at),
            operator=said.operator,
            expires_at=read.told.expires_at + timedelta(seconds=SKEW),
            token_id=read.token.id,
            issued_at=issued_at,
            sign_in=sign_in,
        )
        self._good[token] = _Good(claims, key.thumbprint)
        if len(self._good) > _KEPT:
            self._good.popitem(last=False)
        return claims

    def is_good(self, token: str) -> bool:
        """Whether a token is good, as far as that can be told without asking anybody."""
        try:
            if self._known(token) is not None:
                return True
            read = self._read(token)
            return isinstance(read, Claims) or self._keys.known_signer(read.token) is not None
        except TokenRefused:
            return False

    def _known(self, token: str) -> Claims | None:
        good = self._good.get(token)
        if good is None:
            return None
        if datetime.now(UTC) < good.claims.expires_at and self._keys.has(good.key):
            return good.claims
        del self._good[token]
        return None

    def _read(self, token: str) -> _Read | Claims:
        """A token that is to be verified, or what one of ours says."""
        compact = read_compact(token)
        claims = compact.claims()
        if claims.get("iss") == OWN_ISSUER:
            return self.own.verify(token)
        return _Read(compact, self._issuer.check(claims, time.time()), claims)

    def _issued(self, told: CheckedClaims) -> datetime:
        if told.issued_at is None:
            return _LONG_AGO
        self._clock.saw(told.issued_at.timestamp(), time.time())
        return self._clock.ours(told.issued_at)

    async def _person(self, told: CheckedClaims, said: IssuerClaims, issued_at: datetime) -> str:
        known = self._people.get(told.subject)
        if known is not None and known[0] not in self._taken_back.erased:
            self._not_revoked(known[0], issued_at)
            # An older token may be of somebody with the same subject who was erased: that, only people knows.
            if known[1] == said and known[2] <= issued_at:
                self._people.move_to_end(told.subject)
                return known[0]
        # Whoever opens a page asks for many things at once.
        key = told.subject, said, issued_at
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._ask(told, said, issued_at), name="who somebody is")
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(asking)

    def _not_revoked(self, person_id: str, issued_at: datetime) -> None:
        until = self._taken_back.revoked_until.get(person_id)
        if until is not None and issued_at <= until:
            raise TokenRefused(REVOKED)

    async def _ask(self, told: CheckedClaims, said: IssuerClaims, issued_at: datetime) -> str:
        last = self._taken_back.revoked_last
        if last is not None and issued_at <= last:
            # It may be revoked, and then says nothing of anybody any more.
            query = SubjectQuery(issuer=self._issuer.name, subject_name=told.subject, operator=True)
            try:
                self._not_revoked((await self._find(query)).id, issued_at)
            except Refusal as refused:
                if refused.reason != "person_unknown":
                    raise
        at = None if told.issued_at is None else issued_at
        person = await self._sign_in(sign_in_of(self._issuer, told, said, at))
        self._people[told.subject] = person.id, said, issued_at
        if len(self._people) > _KNOWN:
            self._people.popitem(last=False)
        return person.id
