"""The public keys of an issuer (RFC 7517), and which algorithms each may verify."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry, deserialize_compact
from joserfc.registry import Header

from libs.identity.compact import Compact, read_object
from libs.identity.errors import IdentityError, TokenRefused

_RSA: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_OF_CURVE: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_EDWARDS: Final = frozenset({"EdDSA", "Ed25519"})
"""Two names of one algorithm (RFC 8037, RFC 9864)."""
_ALGORITHMS: Final = _RSA | _EDWARDS | frozenset(_OF_CURVE.values())
_RSA_BITS: Final = range(2048, 8193)
"""Less is too weak, and more takes too long to verify."""
_MOST: Final = 100
_TRIED: Final = 8
"""Keys that a token without a key id is tried with."""


class _Registry(JWSRegistry):
    """The allowed algorithms, with room for what issuers write into headers."""

    max_header_length = 2048

    def check_header(self, header: Header) -> None:
        """`libs.identity.compact` has."""

    def get_alg(self, name: str) -> Any:
        # The library's own warns of EdDSA each time, since RFC 9864 gave it another name.
        return self.algorithms[name]


_REGISTRY: Final = _Registry()


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key, and what it may verify."""

    id: str | None
    algorithms: frozenset[str]
    thumbprint: str
    """Which key it is, whatever it is called (RFC 7638)."""
    key: RSAKey | ECKey | OKPKey

    def verifies(self, token: Compact) -> bool:
        """Whether the signature of a token is this key's. It must be of an algorithm of this key."""
        try:
            deserialize_compact(token.text, self.key, registry=_REGISTRY)
        except (JoseError, ValueError, TypeError):
            return False
        return True


class KeySet:
    """An issuer's keys at one time."""

    def __init__(self, keys: tuple[PublicKey, ...] = ()) -> None:
        self._keys = keys
        self._by_id: dict[str | None, list[PublicKey]] = {}
        for key in keys:
            self._by_id.setdefault(key.id, []).append(key)
        self.thumbprints = frozenset(key.thumbprint for key in keys)
        self.has_ids = set(self._by_id) != {None}
        """Whether key ids tell them apart."""

    def __iter__(self) -> Iterator[PublicKey]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def fitting(self, token: Compact) -> list[PublicKey]:
        """The keys that may have signed a token. Keys without an id may have signed any, in a set without ids."""
        if token.algorithm not in _ALGORITHMS:
            raise TokenRefused(f"Tokens signed with {token.algorithm[:20]!r} are not taken here.")
        nameless = token.key_id is None or not self.has_ids
        named = self._keys if nameless else self._by_id.get(token.key_id, ())
        fitting = [key for key in named if token.algorithm in key.algorithms][:_TRIED]
        if named and not nameless and not fitting:
            raise TokenRefused("The token is signed in another way than its key is for.")
        return fitting


def read_keys(data: bytes) -> KeySet:
    """The keys in a JWK Set. Raises IdentityError for what is none, or holds no key that could verify a token.

    Keys that are for something else, or of a kind that is not taken here, are left out.
    """
    try:
        document = read_object(data)
    except TokenRefused as error:
        raise IdentityError("it holds no JSON object that could be read in one way only") from error
    listed = document.get("keys")
    if not isinstance(listed, list):
        raise IdentityError('it is no JWK Set: it has no "keys"')
    if len(listed) > _MOST:
        raise IdentityError(f"it holds {len(listed)} keys; at most {_MOST} are taken")
    keys = tuple(key for key in map(_read, listed) if key is not None)
    if not keys:
        raise IdentityError("it holds no public key of RSA (2048 bits or more), P-256, P-384, P-521 or Ed25519")
    return KeySet(keys)


def _read(jwk: object) -> PublicKey | None:
    if not isinstance(jwk, Mapping) or jwk.get("use", "sig") != "sig":
        return None
    operations, algorithm, id = jwk.get("key_ops"), jwk.get("alg"), jwk.get("kid")
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return None
    if id is not None and not isinstance(id, str):
        return None
    kind: type[RSAKey | ECKey | OKPKey]
    match jwk.get("kty"), jwk.get("crv"):
        case "RSA", _:
            kind, algorithms = RSAKey, _RSA
        case "EC", str(curve) if curve in _OF_CURVE:
            kind, algorithms = ECKey, frozenset({_OF_CURVE[curve]})
        case "OKP", "Ed25519":
            kind, algorithms = OKPKey, _EDWARDS
        case _:
            return None
    if algorithm is not None:
        algorithms &= _EDWARDS if algorithm in _EDWARDS else {algorithm}
    if not algorithms:
        return None
    # Only what makes the key: a private part that should not be there is not taken in.
    plain = {name: jwk[name] for name in ("kty", "crv", "n", "e", "x", "y") if name in jwk}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a short key, which is refused below
            key = kind.import_key(plain)
            thumbprint = key.thumbprint()
    except (JoseError, ValueError, TypeError, OverflowError):
        return None
    if isinstance(key, RSAKey) and (key.raw_value.key_size not in _RSA_BITS or not 2 < _exponent(key) < 2**32):
        return None
    return PublicKey(id, algorithms, thumbprint, key)


def _exponent(key: RSAKey) -> int:
    return key.public_key.public_numbers().e
