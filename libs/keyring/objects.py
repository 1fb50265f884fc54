"""Objects sealed in chunks, so that a range reads only its own chunks. No input or output happens here.

A sealed object is a header (magic and version, 8 bytes; a random id, 16 bytes) and chunks of 64 KiB of plaintext, each
with a tag of 16 bytes. Its key is derived from the unit's key and the id, so that two objects of one unit never share a
nonce. A chunk's nonce is its number and whether it is the last one, as in STREAM (Hoang, Reyhanitabar, Rogaway, Vizár,
"Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015): cut, reordered, repeated or exchanged
chunks do not open. Whoever reads shows the last chunk first, so that a cut object is refused whatever range is read.
"""

from __future__ import annotations

import hmac
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from libs.keyring.errors import Expired, Tampered

CHUNK: Final = 65_536
"""Bytes of plaintext in every chunk but the last one."""
_TAG: Final = 16
_SEALED: Final = CHUNK + _TAG
_MAGIC: Final = b"rostrum\x01"
_ID: Final = 16
HEADER: Final = len(_MAGIC) + _ID
"""Bytes before the first chunk."""


def _cipher(key: bytes, header: bytes) -> AESGCM:
    """The cipher of one object: HKDF (RFC 5869) with the object's id as salt."""
    extracted = hmac.digest(header[len(_MAGIC) :], key, "sha256")
    return AESGCM(hmac.digest(extracted, b"rostrum object\x01", "sha256"))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11) + bytes((last,))


class ObjectWriter:
    """Seals one object as its bytes come. What `write` and `finish` return is the sealed object, in order."""

    def __init__(self, key: bytes, name: bytes) -> None:
        self._header = _MAGIC + os.urandom(_ID)
        self._cipher = _cipher(key, self._header)
        self._name = self._header + name
        self._waiting = bytearray()
        self._number = 0
        self._started = self._finished = False

    def write(self, data: bytes) -> bytes:
        """Take in plaintext; what is sealed of it so far, often nothing."""
        if self._finished:
            raise ValueError("this object is finished")
        self._waiting += data
        parts = [self._begin()]
        # The last chunk is marked, so one that may be it waits.
        whole = (len(self._waiting) - 1) // CHUNK
        parts += [self._seal(bytes(self._waiting[at * CHUNK : (at + 1) * CHUNK]), last=False) for at in range(whole)]
        if whole > 0:
            del self._waiting[: whole * CHUNK]
        return b"".join(parts)

    def finish(self) -> bytes:
        """The rest, with the last chunk marked."""
        if self._finished:
            raise ValueError("this object is finished")
        self._finished = True
        return self._begin() + self._seal(bytes(self._waiting), last=True)

    def _begin(self) -> bytes:
        started, self._started = self._started, True
        return b"" if started else self._header

    def _seal(self, chunk: bytes, *, last: bool) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._number, last), chunk, self._name)
        self._number += 1
        return sealed


def seal_object(key: bytes, name: bytes, data: bytes) -> bytes:
    """A whole object at once."""
    writer = ObjectWriter(key, name)
    return writer.write(data) + writer.finish()


def ends_of(size: int) -> tuple[int, int]:
    """Where in a sealed object of `size` bytes the last chunk is. Raises Tampered where none can be."""
    body = size - HEADER
    chunks = -(-body // _SEALED)
    if body < _TAG or body - (chunks - 1) * _SEALED < _TAG:
        raise Tampered("this is no whole sealed object")
    return HEADER + (chunks - 1) * _SEALED, size


class ObjectReader:
    """Opens ranges of one object. The caller fetches the sealed bytes that `span` names.

    `header` is the first `HEADER` bytes, `tail` what `ends_of(size)` names, `size` the sealed object's length. Raises
    Tampered where the object was cut, or not sealed under this key and name.
    """

    def __init__(self, key: bytes, name: bytes, size: int, header: bytes, tail: bytes) -> None:
        if len(header) != HEADER or not header.startswith(_MAGIC):
            raise Tampered("this is no object that was sealed by this version")
        start, _ = ends_of(size)
        self._cipher: AESGCM | None = _cipher(key, header)
        self._name = header + name
        self._last = (start - HEADER) // _SEALED
        self.length = plain_length(size)
        """Bytes of plaintext."""
        self._open(self._last, tail)

    @property
    def holds(self) -> bool:
        """Whether this process may still use it."""
        return self._cipher is not None

    def drop(self) -> None:
        """Forget the key. What is asked for afterwards raises Expired."""
        self._cipher = None

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """Which sealed bytes hold plaintext `start` up to `stop` (0 <= start < stop <= length)."""
        if not 0 <= start < stop <= self.length:
            raise ValueError(f"bytes {start} to {stop} are not in an object of {self.length}")
        end = (stop - 1) // CHUNK
        size = self.length + (self._last + 1) * _TAG + HEADER
        return HEADER + start // CHUNK * _SEALED, min(HEADER + (end + 1) * _SEALED, size)

    def open(self, start: int, stop: int, sealed: bytes | memoryview) -> bytes:
        """Plaintext `start` up to `stop` from the bytes that `span(start, stop)` names. Raises Tampered."""
        begin, end = self.span(start, stop)
        box = memoryview(sealed)
        if len(box) != end - begin:
            raise Tampered("some of the sealed bytes are missing")
        first = start // CHUNK
        plain = b"".join(
            self._open(first + number, box[at : at + _SEALED]) for number, at in enumerate(range(0, len(box), _SEALED))
        )
        return plain[start - first * CHUNK : stop - first * CHUNK]

    def _open(self, number: int, chunk: bytes | memoryview) -> bytes:
        if self._cipher is None:
            raise Expired("the key of this object was dropped; ask for its lock again")
        try:
            return self._cipher.decrypt(_nonce(number, number == self._last), chunk, self._name)
        except InvalidTag:
            raise Tampered(f"chunk {number} is not what was sealed here") from None


def plain_length(size: int) -> int:
    """Bytes of plaintext in a sealed object of `size` bytes. Raises Tampered where it can be none."""
    start, _ = ends_of(size)
    return (start - HEADER) // _SEALED * CHUNK + (size - start - _TAG)


def open_object(key: bytes, name: bytes, sealed: bytes) -> bytes:
    """A whole object at once. Raises Tampered."""
    start, end = ends_of(len(sealed))
    reader = ObjectReader(key, name, len(sealed), sealed[:HEADER], sealed[start:end])
    return reader.open(0, reader.length, sealed[HEADER:]) if reader.length else b""
