"""Tokens of our own: an Ed25519 key made on first start, JWTs signed with it (RFC 7519, RFC 8037)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from libs.identity.claims import Claims
from libs.identity.compact import is_canonical
from libs.identity.errors import IdentityError, TokenRefused
from libs.ids import is_id
from libs.private_files import load_or_make

_ALGORITHM: Final = "EdDSA"
_AUDIENCE: Final = "rostrum"
_LONGEST_TOKEN: Final = 4096
_KEPT: Final = 2048
"""Tokens that are known to be good."""
LIFETIME: Final = timedelta(days=7)


class OwnTokens:
    """Mints and verifies tokens with the key `identity.pem` in `keys`, which is made where it is missing.

    A token of one `issuer` is none of another's: what anybody could get in development is worth nothing elsewhere.

    Raises IdentityError for a key file that holds something else.
    """

    def __init__(self, keys: Path, issuer: str) -> None:
        self.issuer = issuer
        path = keys / "identity.pem"
        try:
            key = serialization.load_pem_private_key(load_or_make(path, _make_key), password=None)
        except ValueError as error:
            raise IdentityError(f"{path} holds no private key: {error}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise IdentityError(f"{path} holds a {type(key).__name__}, not an Ed25519 key")
        self._private = key
        self._public = key.public_key()
        self._good: dict[str, Claims] = {}

    def mint(
        self,
        person_id: str,
        *,
        operator: bool = False,
        lifetime: timedelta = LIFETIME,
        sign_in: str | None = None,
        rights: Iterable[str] | None = None,
    ) -> str:
        """A token that proves to be this person. Raises ValueError for what is no person id.

        `sign_in` names the sign-in at another issuer that it comes of, `rights` what it is for.
        """
        if not is_id(person_id):
            raise ValueError(f"{person_id!r} is not a person's id")
        now = datetime.now(UTC)
        claims: dict[str, object] = {
            "iss": self.issuer,
            "aud": _AUDIENCE,
            "sub": person_id,
            "iat": now.timestamp(),  # to the microsecond: all that were made before a moment can be revoked
            "exp": now + lifetime,
        }
        if operator:
            claims["operator"] = True
        if sign_in is not None:
            claims["sign_in"] = sign_in
        if rights is not None:
            claims["rights"] = sorted(rights)
        return jwt.encode(claims, self._private, algorithm=_ALGORITHM)

    def verify(self, token: str) -> Claims:
        """What a token says. Raises TokenRefused; nothing else, whatever the text.

        One that was good is good until it expires: its signature is not checked again. Who is suspended meanwhile is
        the caller's to look at, each time.
        """
        known = self._good.get(token)
        if known is not None and datetime.now(UTC) < known.expires_at:
            return known
        claims = self._decoded(token)
        if len(self._good) >= _KEPT:
            del self._good[next(iter(self._good))]
        self._good[token] = claims
        return claims

    def _decoded(self, token: str) -> Claims:
        if len(token) > _LONGEST_TOKEN or not token.isascii() or not all(map(is_canonical, token.split("."))):
            # With a letter behind it that means nothing, a token would have another id, and be good after it was
            # revoked.
            raise TokenRefused("This is not a token.")
        try:
            claims = jwt.decode(
                token,
                self._public,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                issuer=self.issuer,
                leeway=5,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except jwt.ExpiredSignatureError:
            raise TokenRefused("The token has expired; sign in again.", expired=True) from None
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as error:
            raise TokenRefused("The token is not valid here; sign in again.") from error
        person_id = claims["sub"]
        if not is_id(person_id):
            raise TokenRefused("The token names nobody.")
        try:
            expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        except (ValueError, TypeError, OverflowError, OSError):
            raise TokenRefused("The token says no time at which it ends.") from None
        said = Claims(
            person_id=person_id,
            operator=claims.get("operator") is True,
            expires_at=expires_at,
            token_id=hashlib.sha256(token.encode()).hexdigest()[:32],
            sign_in=claims["sign_in"] if isinstance(claims.get("sign_in"), str) else None,
            rights=frozenset(map(str, rights)) if isinstance(rights := claims.get("rights"), list) else None,
        )
        try:
            return replace(said, issued_at=datetime.fromtimestamp(claims["iat"], UTC))
        except (KeyError, ValueError, TypeError, OverflowError, OSError):
            return said

    def secret(self, purpose: str) -> bytes:
        """32 bytes derived from the key for one purpose (HKDF, RFC 5869); the same after every restart."""
        raw = self._private.private_bytes(
            serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
        )
        return HKDF(hashes.SHA256(), 32, salt=None, info=f"rostrum {purpose}".encode()).derive(raw)


def _make_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


class OwnTokensOnly:
    """Takes tokens of ours and no others."""

    def __init__(self, own: OwnTokens) -> None:
        self.own = own

    async def verify(self, token: str) -> Claims:
        """What a token says. Raises TokenRefused."""
        return self.own.verify(token)

    def is_good(self, token: str) -> bool:
        """Whether a token is good."""
        try:
            self.own.verify(token)
        except TokenRefused:
            return False
        return True
