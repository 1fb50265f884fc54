"""What an issuer's token must say to be taken here (RFC 7519, RFC 8725)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from libs.identity.errors import TokenRefused

SKEW: Final = 60.0
"""Seconds by which an issuer's clock may differ from ours."""
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999, beyond which no calendar knows a time."""
_LONGEST_SUBJECT: Final = 255
"""As OpenID Connect Core has it."""
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whose tokens are taken, and which of them."""

    name: str
    """`iss`, to the letter."""
    audiences: frozenset[str]
    """One of them must be in `aud`."""
    parties: frozenset[str] = frozenset()
    """Whom a token may have been issued to (`azp`), beside the audiences."""

    def check(self, claims: Mapping[str, Any], now: float) -> CheckedClaims:
        """What a token says whose signature is good. Raises TokenRefused."""
        self.check_sender(claims)
        if LOGOUT_EVENT in _object(claims.get("events")):
            raise TokenRefused("This token signs somebody out; it proves nobody's identity.")
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
            raise TokenRefused("The token says nobody's name (sub).")
        ends = _time(claims, "exp")
        if ends is None:
            raise TokenRefused("The token does not say when it ends (exp).")
        if ends <= now - SKEW:
            raise TokenRefused("The token has expired; sign in again.", expired=True)
        begins, made = _time(claims, "nbf"), _time(claims, "iat")
        if begins is not None and begins > now + SKEW:
            raise TokenRefused("The token is not good yet (nbf).")
        if made is not None and made > now + SKEW:
            # It would outlive every revocation until then.
            raise TokenRefused("The token was issued in the future (iat).")
        issued_at = None if made is None else datetime.fromtimestamp(made, UTC)
        return CheckedClaims(subject, datetime.fromtimestamp(ends, UTC), issued_at)

    def check_sender(self, claims: Mapping[str, Any]) -> None:
        """That a token comes from this issuer and is for us. Raises TokenRefused."""
        if claims.get("iss") != self.name:
            raise TokenRefused("The token comes from another issuer (iss).")
        told = claims.get("aud")
        audiences = [told] if isinstance(told, str) else told
        if not isinstance(audiences, list) or not all(isinstance(one, str) for one in audiences):
            raise TokenRefused("The token does not say whom it is for (aud).")
        if self.audiences.isdisjoint(audiences):
            raise TokenRefused("The token is for somebody else (aud).")
        party = claims.get("azp")
        if party is not None and (not isinstance(party, str) or party not in self.parties | self.audiences):
            raise TokenRefused("The token was issued to a client that is not listed here (azp).")


@dataclass(frozen=True, slots=True)
class CheckedClaims:
    """Whom a token is about, and its times."""

    subject: str
    expires_at: datetime
    issued_at: datetime | None


class IssuerClock:
    """How far an issuer's clock is ahead of ours, as its tokens have shown.

    By when a token was issued, all of before a moment are revoked. One of an issuer that is ahead would outlive that.
    """

    def __init__(self) -> None:
        self._ahead = 0.0
        """Seconds: nobody issues a token after it was seen. `Issuer.check` bounds it."""

    def saw(self, issued: float, now: float) -> None:
        """Learn from a token whose signature is good."""
        self._ahead = max(self._ahead, issued - now)

    def ours(self, issued: datetime) -> datetime:
        """When a token was issued, by our clock."""
        return issued - timedelta(seconds=self._ahead)


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LATEST:
        raise TokenRefused(f"The token's {name} is no time.")
    return float(value)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
