"""What is kept of a finished DTLS 1.2 handshake, in place of OpenSSL's 90 KiB: two goodbyes (close_notify).

Ours is sealed beforehand. For the peer's there is the key that opens it; whatever else comes is not looked at.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from OpenSSL import SSL

_HEADER: Final = 13
_ALERT: Final = 21
_CLOSE_NOTIFY: Final = 0
_FATAL: Final = 2
_PLAIN: Final = 2
"""Bytes of an alert: its level and what it says."""


class _Cipher(NamedTuple):
    """An AEAD cipher of records. The PRF of all of these is made with SHA-256 (RFC 5246, section 5)."""

    made: type[AESGCM] | type[ChaCha20Poly1305]
    key: int
    iv: int
    """Bytes of the nonce that the handshake agrees on."""
    explicit: int
    """Bytes of the nonce that stand in the record."""


_CIPHERS: Final = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": _Cipher(AESGCM, key=16, iv=4, explicit=8),
    "ECDHE-ECDSA-CHACHA20-POLY1305": _Cipher(ChaCha20Poly1305, key=32, iv=12, explicit=0),
}
"""By OpenSSL's names. Clients that choose another one are missed when their consent ends."""


@dataclass(frozen=True, slots=True)
class _Opener:
    """Opens what the peer seals."""

    cipher: _Cipher
    key: bytes
    iv: bytes

    def open(self, header: bytes, body: bytes) -> bytes | None:
        """The plain text of a record that is as long as an alert; None for a forged one."""
        cipher = self.cipher
        number = header[3:11]
        nonce = self.iv + body[: cipher.explicit]
        if not cipher.explicit:  # RFC 7905, section 2
            nonce = bytes(a ^ b for a, b in zip(self.iv, number.rjust(cipher.iv, b"\0"), strict=True))
        about = number + header[:3] + _PLAIN.to_bytes(2, "big")
        try:
            return cipher.made(self.key).decrypt(nonce, body[cipher.explicit :], about)
        except InvalidTag:
            return None


@dataclass(frozen=True, slots=True)
class Farewell:
    """See the module."""

    sealed: tuple[bytes, ...]
    """Datagrams that say it to the peer."""
    _opener: _Opener | None

    def is_said_in(self, datagram: bytes) -> bool:
        """Whether the peer says in it that the connection is over (RFC 5246, section 7.2)."""
        if self._opener is None:
            return False
        length = self._opener.cipher.explicit + _PLAIN + 16
        while len(datagram) >= _HEADER:
            header, end = datagram[:_HEADER], _HEADER + int.from_bytes(datagram[11:13], "big")
            if header[0] == _ALERT and end == _HEADER + length <= len(datagram):
                # Only the first: nobody says two, and opening takes time.
                alert = self._opener.open(header, datagram[_HEADER:end])
                return alert is not None and (alert[0] == _FATAL or alert[1] == _CLOSE_NOTIFY)
            datagram = datagram[end:]
        return False


def farewell(connection: SSL.Connection, sealed: tuple[bytes, ...], *, active: bool) -> Farewell:
    """Keep this much of a connection whose handshake is done; `active`: we began it."""
    return Farewell(sealed, _opener(connection, active=active))


def _opener(connection: SSL.Connection, *, active: bool) -> _Opener | None:
    cipher = _CIPHERS.get(connection.get_cipher_name() or "")
    master, client, server = connection.master_key(), connection.client_random(), connection.server_random()
    if cipher is None or not (master and client and server):
        return None
    block = _expand(master, b"key expansion" + server + client, 2 * (cipher.key + cipher.iv))
    ivs = block[2 * cipher.key :]
    # The client's stand before the server's (RFC 5246, section 6.3).
    if active:
        return _Opener(cipher, block[cipher.key : 2 * cipher.key], ivs[cipher.iv :])
    return _Opener(cipher, block[: cipher.key], ivs[: cipher.iv])


def _expand(secret: bytes, seed: bytes, length: int) -> bytes:
    """The PRF (RFC 5246, section 5)."""
    result, at = b"", seed
    while len(result) < length:
        at = hmac.digest(secret, at, hashlib.sha256)
        result += hmac.digest(secret, at + seed, hashlib.sha256)
    return result[:length]
