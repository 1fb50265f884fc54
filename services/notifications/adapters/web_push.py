"""Messages to browsers: encrypted for one of them (RFC 8291) and signed by this instance (RFC 8292).

The coding is `aes128gcm` (RFC 8188) with one record. `cryptography` and PyJWT do the work.
"""

from __future__ import annotations

import base64
import os
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_RECORD: Final = 4096
"""Bytes of a record (RFC 8291, section 4)."""
LONGEST: Final = 3000
"""Bytes of a message. Some push services take no more than 3 KB."""
_POINT: Final = 65
_AUTH: Final = 16
_GOOD_FOR: Final = 12 * 3600
"""Seconds for which a signature is good; 24 hours are the most."""


class NoKey(ValueError):
    """What a browser gave is no key."""


@dataclass(frozen=True, slots=True)
class Browser:
    """What a browser gave: where its messages go, and for whom they are encrypted."""

    address: str
    public: bytes
    auth: bytes


def decode(text: str) -> bytes:
    """URL-safe Base64, with or without padding. Raises NoKey."""
    try:
        return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except ValueError:
        raise NoKey("this is no Base64") from None


def encode(data: bytes) -> str:
    """URL-safe Base64 without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def browser_of(address: str, p256dh: str, auth: str) -> Browser:
    """A browser from what it gave. Raises NoKey for keys that are none."""
    public, secret = decode(p256dh), decode(auth)
    if len(public) != _POINT or len(secret) != _AUTH:
        raise NoKey("p256dh has 65 bytes, and auth 16")
    _point(public)
    return Browser(address, public, secret)


def _point(data: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data)
    except ValueError:
        raise NoKey("p256dh is no point of P-256") from None


def _bytes_of(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def encrypted(
    browser: Browser, text: bytes, *, key: ec.EllipticCurvePrivateKey | None = None, salt: bytes | None = None
) -> bytes:
    """The body of a message that this browser alone can read. `key` and `salt` are new ones unless they are given."""
    if len(text) > LONGEST:
        raise ValueError(f"a message has at most {LONGEST} bytes, not {len(text)}")
    ours = key or ec.generate_private_key(ec.SECP256R1())
    salt = salt or os.urandom(16)
    public = _bytes_of(ours.public_key())
    shared = ours.exchange(ec.ECDH(), _point(browser.public))
    info = b"WebPush: info\0" + browser.public + public
    secret = HKDF(hashes.SHA256(), 32, browser.auth, info).derive(shared)
    content_key = HKDF(hashes.SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
    nonce = HKDF(hashes.SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
    header = salt + _RECORD.to_bytes(4, "big") + bytes([len(public)]) + public
    return header + AESGCM(content_key).encrypt(nonce, text + b"\x02", None)


def new_key() -> tuple[str, str]:
    """A key pair of this instance: the public one as browsers take it, and the private one as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return encode(_bytes_of(key.public_key())), private.decode()


def authorization(address: str, public: str, private: str, contact: str) -> str:
    """The `Authorization` of a message to an address; `contact` is an address of mail or of the web."""
    parts = urlsplit(address)
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(time.time()) + _GOOD_FOR, "sub": contact}
    return f"vapid t={jwt.encode(claims, private, algorithm='ES256')}, k={public}"
