"""Words sealed for one unit: AES-256-GCM, a random nonce, and the lock's and unit's names as associated data."""

from __future__ import annotations

import hmac
import os
from typing import Final, TypeAlias

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.keyring.errors import Tampered

_VERSION: Final = b"\x01"
_NONCE: Final = 12
"""Bytes (NIST SP 800-38D, 5.2.1.1). A unit's key seals a handful of texts, so that a random one never repeats."""
_TAG: Final = 16


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """Words that only the key of their unit opens; a value of its own in facts, never a `str` with a mark."""

    unit: str
    box: bytes


Words: TypeAlias = str | Sealed
"""What a fact holds of what somebody wrote: sealed, or plain where an earlier version stored it."""


def seal(cipher: AESGCM, name: bytes, plain: bytes, nonce: bytes | None = None) -> bytes:
    """Seal bytes under a name, without which they do not open: version, nonce, ciphertext and tag."""
    nonce = os.urandom(_NONCE) if nonce is None else nonce
    return _VERSION + nonce + cipher.encrypt(nonce, plain, name)


def nonce_of(key: bytes, plain: bytes) -> bytes:
    """A nonce that is another one for other bytes, from the key of their unit (as SIV does, RFC 5297)."""
    return hmac.digest(hmac.digest(key, b"rostrum nonce", "sha256"), plain, "sha256")[:_NONCE]


def open_box(cipher: AESGCM, name: bytes, box: bytes) -> bytes:
    """What was sealed under a name. Raises Tampered."""
    if len(box) < 1 + _NONCE + _TAG or box[:1] != _VERSION:
        raise Tampered("this is nothing that was sealed by this version")
    try:
        return cipher.decrypt(box[1 : 1 + _NONCE], box[1 + _NONCE :], name)
    except InvalidTag:
        raise Tampered("this was not sealed under this key and name") from None
