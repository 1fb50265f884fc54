"""Logout tokens of an issuer (OpenID Connect Back-Channel Logout 1.0): which sign-in, or whose, is over."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from contracts.people.v1 import Person, RevokeTokens, SubjectQuery
from libs.identity import FetchedKeys, Issuer, IssuerClock, KeysAway, TokenRefused, claim_at, read_compact
from libs.identity.issuer import LOGOUT_EVENT, SKEW
from libs.ids import new_id
from libs.refusal import Refusal
from services.gateway.app.identity import KeysMissing

_TYPES: Final = frozenset({"jwt", "logout+jwt"})
_OLDEST: Final = 300.0
"""Seconds after which a logout token is not taken any more: told again later, it would end what began since."""
_REMEMBERED: Final = 20_000


class LogoutTokens:
    """Takes logout tokens, each once."""

    def __init__(
        self,
        keys: FetchedKeys,
        issuer: Issuer,
        clock: IssuerClock,
        find: Callable[[SubjectQuery], Awaitable[Person]],
        revoke: Callable[[RevokeTokens], Awaitable[None]],
        longest: timedelta | None,
    ) -> None:
        """`longest`: how long a token of a sign-in is good at most; None where that is not known."""
        self._longest = longest
        self._keys = keys
        self._issuer = issuer
        self._clock = clock
        self._find = find
        self._revoke = revoke
        self._taken: OrderedDict[str, float] = OrderedDict()
        """By `jti`: until when each must be remembered."""

    async def take(self, token: str) -> None:
        """End what a token says: one sign-in where it names one, else everything of a person. Somebody who was never
        here is no matter. Raises TokenRefused; Refusal: unavailable."""
        compact = read_compact(token, _TYPES)
        claims = compact.claims()
        sid, subject = self._check(claims)
        try:
            await self._keys.signer(compact)
        except KeysAway as away:
            raise KeysMissing(away.seconds) from away
        self._clock.saw(claims["iat"], time.time())
        id = claims["jti"]
        if id in self._taken:
            raise TokenRefused("This logout token was taken already (jti).")
        person_id = await self._person(subject)
        if sid is not None:
            # Where nobody says whose it is, the sign-in itself stands for whom it is about.
            order = {"actor": person_id} if person_id else {"operator": True}
            about = person_id or new_id()
            name = sign_in_name(self._issuer.name, sid)
            ends = None if self._longest is None else datetime.now(UTC) + self._longest
            await self._revoke(
                RevokeTokens(command_id=new_id(), person_id=about, token_id=name, expires_at=ends, **order)
            )
        elif person_id is not None:
            # The same order each time, so that people take it once: other gateways, and this one after a restart, do
            # not remember the token, and would end what began since.
            same = hashlib.sha256(f"logout\0{self._issuer.name}\0{id}".encode()).hexdigest()
            await self._revoke(RevokeTokens(command_id=same, person_id=person_id, actor=person_id))
        self._remember(id)

    def _check(self, claims: dict[str, Any]) -> tuple[str | None, str | None]:
        """Its `sid` and `sub`. Raises TokenRefused."""
        self._issuer.check_sender(claims)
        now = time.time()
        made, ends = claims.get("iat"), claims.get("exp", now)
        for name, value in (("iat", made), ("exp", ends)):
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TokenRefused(f"The logout token's {name} is no time.")
        assert isinstance(made, int | float)
        if not now - _OLDEST - SKEW < made <= now + SKEW or ends <= now - SKEW:
            raise TokenRefused("The logout token is not of this moment (iat, exp).")
        event = claim_at(claims, "events") or {}
        if not isinstance(event, dict) or not isinstance(event.get(LOGOUT_EVENT), dict) or "nonce" in claims:
            raise TokenRefused("This is no logout token (events, nonce).")
        if not isinstance(claims.get("jti"), str) or not 0 < len(claims["jti"]) <= 255:
            raise TokenRefused("The logout token has no id (jti).")
        sid, subject = claims.get("sid"), claims.get("sub")
        for value in (sid, subject):
            if value is not None and (not isinstance(value, str) or not 0 < len(value) <= 255):
                raise TokenRefused("The logout token's sid or sub is no name.")
        if sid is None and subject is None:
            raise TokenRefused("The logout token says neither which sign-in is over (sid) nor whose (sub).")
        return sid, subject

    async def _person(self, subject: str | None) -> str | None:
        if subject is None:
            return None
        query = SubjectQuery(issuer=self._issuer.name, subject_name=subject, operator=True)
        try:
            return (await self._find(query)).id
        except Refusal as refused:
            if refused.reason != "person_unknown":
                raise
            return None

    def _remember(self, id: str) -> None:
        now = time.time()
        self._taken[id] = now + _OLDEST + 2 * SKEW
        while self._taken and (next(iter(self._taken.values())) < now or len(self._taken) > _REMEMBERED):
            self._taken.popitem(last=False)


def sign_in_name(issuer: str, sid: str) -> str:
    """What names a sign-in at an issuer here, in the form of a token's id."""
    return hashlib.sha256(f"sign-in\0{issuer}\0{sid}".encode()).hexdigest()[:32]
