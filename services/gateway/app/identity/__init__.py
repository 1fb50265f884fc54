"""How people prove who they are: one file for each mode.

    development      tokens of ours, for whoever asks
    product_tokens   tokens of the product that this is a part of, verified with its keys
    oidc             tokens of ours, for whoever signs in at an OpenID provider

Whatever the mode, a token that the command `rostrum token` made is taken.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from pydantic import TypeAdapter, ValidationError

from contracts.people.v1 import DisplayName, PictureSource, SignIn
from libs.identity import CheckedClaims, Claims, Issuer, OwnTokens, claim_at
from libs.identity.revoked import Revoked
from libs.ids import new_id
from libs.refusal import Refusal

_NAME: Final[TypeAdapter[str]] = TypeAdapter(DisplayName)
_PICTURE: Final[TypeAdapter[str]] = TypeAdapter(PictureSource)
_LONGEST_NAME: Final = 50
_LONGEST_HANDLE: Final = 200


class Identity(Protocol):
    """One mode."""

    own: OwnTokens
    """Tokens of ours, and secrets."""
    open_to_all: bool
    """Whether anybody may sign up, as whoever they like."""

    async def verify(self, token: str) -> Claims:
        """What a token says. Raises TokenRefused; Refusal: unavailable."""

    def is_good(self, token: str) -> bool:
        """Whether a token is good, as far as that can be told without asking anybody."""


class TakenBack(Protocol):
    """What opens nothing any more, although it was signed."""

    @property
    def erased(self) -> Container[str]:
        """Ids of people who were erased: whoever has such a token now may be somebody new."""

    @property
    def revoked(self) -> Revoked:
        """Ids of tokens, and names of sign-ins."""

    @property
    def revoked_until(self) -> Mapping[str, datetime]:
        """Person by person, until when every token that was issued is revoked."""

    @property
    def revoked_last(self) -> datetime | None:
        """The latest of those times."""


REVOKED: Final = "This token was revoked; sign in again."


class KeysMissing(Refusal):
    """A token cannot be checked before `retry_after` seconds have passed."""

    def __init__(self, seconds: float) -> None:
        super().__init__("unavailable", "Your token cannot be checked yet. Try again soon.", retry=True)
        self.retry_after = seconds


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Which claims say what of a person; None: none does. A dot reaches into an object."""

    name: str | None = "name"
    handle: str | None = "preferred_username"
    protected: str | None = None
    picture: str | None = None
    operator: str | None = None
    operator_value: str | None = None
    """What the claim is, or has in its list, of an operator; without it, true."""

    def read(self, claims: Mapping[str, Any]) -> IssuerClaims:
        """What a token's claims say. Whatever does not fit is not said."""
        name, handle = self._text(claims, self.name), self._text(claims, self.handle)
        protected = None if self.protected is None else claim_at(claims, self.protected)
        return IssuerClaims(
            name=None if name is None else _tidy(name),
            handle=None if handle is None else handle.strip()[:_LONGEST_HANDLE] or None,
            protected=protected if isinstance(protected, bool) else None,
            picture=self._picture(claims),
            operator=self._is_operator(claims),
        )

    def _picture(self, claims: Mapping[str, Any]) -> str | None:
        try:
            return _PICTURE.validate_python(self._text(claims, self.picture))
        except ValidationError:
            return None

    def _text(self, claims: Mapping[str, Any], name: str | None) -> str | None:
        value = None if name is None else claim_at(claims, name)
        return value if isinstance(value, str) else None

    def _is_operator(self, claims: Mapping[str, Any]) -> bool:
        value = None if self.operator is None else claim_at(claims, self.operator)
        if self.operator_value is None:
            return value is True
        return value == self.operator_value or (isinstance(value, list) and self.operator_value in value)


@dataclass(frozen=True, slots=True)
class IssuerClaims:
    """What an issuer says of somebody."""

    name: str | None
    handle: str | None
    protected: bool | None
    operator: bool
    picture: str | None = None


def sign_in_of(issuer: Issuer, told: CheckedClaims, said: IssuerClaims, issued_at: datetime | None) -> SignIn:
    """Asks people who it is that an issuer's verified token means, which was issued then by our clock."""
    return SignIn(
        command_id=new_id(),
        person_id=new_id(),
        issuer=issuer.name,
        subject_name=told.subject,
        issued_at=issued_at,
        display_name=said.name,
        handle=said.handle,
        protected=said.protected,
        picture=said.picture,
    )


def _tidy(name: str) -> str | None:
    """A name as people may have it: as much of it as can be; None for none."""
    for text in (name[: 16 * _LONGEST_NAME], "".join(one for one in name if one.isprintable())[:_LONGEST_NAME]):
        try:
            return _NAME.validate_python(text)
        except ValidationError:
            continue
    return None
