"""Signed tokens of others in their compact form (RFC 7515), read more strictly than libraries do.

What two readers could read differently is refused: names that stand twice, numbers that are none, halves of letters,
bytes that are written in another way than the shortest one. So is whatever changes how a token is read (`crit`, `b64`,
`zip`, encryption).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Never

from libs.identity.errors import TokenRefused

LONGEST: Final = 8192
"""Characters of a token."""
_LONGEST_HEADER: Final = 2048
_LONGEST_KEY_ID: Final = 256
_TYPES: Final = frozenset({"jwt", "at+jwt"})
_NONE: Final = "This is not a token."


@dataclass(frozen=True, slots=True)
class Compact:
    """A token of which nothing is proven yet."""

    algorithm: str
    key_id: str | None
    type: str
    """What it says that it is, in lower case and without `application/`; empty where it says nothing."""
    text: str
    payload: bytes
    id: str
    """Half of the SHA-256 of what is signed. Not of the whole text: whoever has a token can write down another valid
    signature of elliptic curves, and so make a token that says the same and is another text."""

    def claims(self) -> dict[str, Any]:
        """What it says. Raises TokenRefused."""
        return read_object(self.payload)


def read_compact(text: str, types: frozenset[str] = _TYPES) -> Compact:
    """Take a token apart. Raises TokenRefused; nothing else, whatever the text.

    `types`: what it may say that it is (`typ`), besides nothing at all.
    """
    if len(text) > LONGEST or not text.isascii():
        raise TokenRefused(_NONE)
    parts = text.split(".")
    if len(parts) != 3 or len(parts[0]) > _LONGEST_HEADER:
        # Five parts are an encrypted one, which may be compressed and hold another.
        raise TokenRefused(_NONE)
    header, payload, _ = read_object(_decoded(parts[0])), _decoded(parts[1]), _decoded(parts[2])
    for name in ("crit", "b64", "zip", "enc"):
        if name in header:
            raise TokenRefused(f"Tokens with {name!r} in their header are not taken here.")
    algorithm, key_id, said = header.get("alg"), header.get("kid"), header.get("typ", "")
    if not isinstance(algorithm, str) or not isinstance(said, str):
        raise TokenRefused(_NONE)
    if key_id is not None and (not isinstance(key_id, str) or not 0 < len(key_id) <= _LONGEST_KEY_ID):
        raise TokenRefused("The token's key id (kid) is none.")
    kind = said.lower().removeprefix("application/")
    if kind and kind not in types:
        raise TokenRefused(f"This is a token of another kind ({kind[:40]}).")
    digest = hashlib.sha256(f"{parts[0]}.{parts[1]}".encode()).hexdigest()[:32]
    return Compact(algorithm, key_id, kind, text, payload, digest)


def is_canonical(part: str) -> bool:
    """Whether base64url is written in the one way in which it is shortest."""
    try:
        _decoded(part)
    except TokenRefused:
        return False
    return True


def _decoded(part: str) -> bytes:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenRefused(_NONE) from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise TokenRefused(_NONE)
    return raw


def read_object(data: bytes) -> dict[str, Any]:
    """A JSON object in which every name stands once and every number is one. Raises TokenRefused."""
    try:
        value = json.loads(
            data.decode(), object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite, parse_int=_whole
        )
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair is no letter: nobody can store it
    except (ValueError, RecursionError):
        raise TokenRefused("The token holds no JSON that could be read in one way only.") from None
    if not isinstance(value, dict):
        raise TokenRefused(_NONE)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice")
    return made


def _no_number(text: str) -> Never:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _whole(text: str) -> int:
    if len(text) > 20:
        raise ValueError("a number is too large")
    return int(text)


def claim_at(claims: Mapping[str, Any], name: str) -> Any:
    """The claim of a name; a name with dots reaches into objects, unless a claim has that very name. None without."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value
