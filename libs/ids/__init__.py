"""Identifiers: UUIDv7 (RFC 9562, section 5.7) written as 26 characters of lower-case Crockford base32 (ULID text).

They sort by the time they were made, and strictly so within one process.
"""

from __future__ import annotations

import os
import re
import threading
import time
from datetime import UTC, datetime
from uuid import UUID

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_DIGITS = str.maketrans(_ALPHABET, "0123456789abcdefghijklmnopqrstuv")
"""To the digits that Python has for base 32."""
_LENGTH = 26
_SHAPE = re.compile(f"[{_ALPHABET}]*")
_COUNTER_BITS = 74  # rand_a (12) and rand_b (62) of RFC 9562 are one counter that starts at random

_lock = threading.Lock()
_last_ms = 0
_last_count = 0


def _after_fork() -> None:
    """A child starts its own sequence: the parent's counter would make the same ids again."""
    global _last_ms, _last_count, _lock
    _lock = threading.Lock()
    _last_ms = _last_count = 0


os.register_at_fork(after_in_child=_after_fork)


def new_uuid() -> UUID:
    """A UUIDv7, greater than every one this process made before it (RFC 9562, section 6.2, method 2)."""
    global _last_ms, _last_count
    with _lock:
        now = time.time_ns() // 1_000_000
        if now > _last_ms:
            _last_ms = now
            _last_count = int.from_bytes(os.urandom(10), "big") >> (80 - _COUNTER_BITS + 1)
        else:
            _last_count += 1 + (os.urandom(1)[0] << 8)
            if _last_count >> _COUNTER_BITS:
                _last_ms += 1
                _last_count = 0
        milliseconds, count = _last_ms, _last_count
    value = (milliseconds & 0xFFFFFFFFFFFF) << 80
    value |= 0x7 << 76
    value |= (count >> 62) << 64
    value |= 0b10 << 62
    value |= count & ((1 << 62) - 1)
    return UUID(int=value)


def new_id() -> str:
    """A new id as text."""
    return from_uuid(new_uuid())


def from_uuid(uuid: UUID) -> str:
    """The 26-character text of a UUID."""
    value = uuid.int
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(5 * (_LENGTH - 2), -1, -10)])


def to_uuid(text: str) -> UUID:
    """The UUID an id stands for. Raises ValueError for anything that is not 26 such characters below 2^128."""
    if len(text) != _LENGTH:
        raise ValueError(f"an id has {_LENGTH} characters, not {len(text)}: {text!r}")
    if not _SHAPE.fullmatch(text):
        raise ValueError(f"an id has digits and lower-case letters but i, l, o and u: {text!r}")
    value = int(text.translate(_DIGITS), 32)
    if value >> 128:
        raise ValueError(f"an id is below 2^128: {text!r}")
    return UUID(int=value)


def is_id(text: str) -> bool:
    """Whether this is the text of an id."""
    try:
        to_uuid(text)
    except ValueError:
        return False
    return True


def made_at(text: str) -> datetime:
    """When an id was made (UTC, to the millisecond). Raises ValueError where `text` is no id."""
    return datetime.fromtimestamp((to_uuid(text).int >> 80) / 1000, UTC)


def to_number(text: str) -> int:
    """A number below 2^63 for an id, for interfaces whose ids are numbers. Raises ValueError where `text` is no id.

    Like the id it sorts by time: 40 bits of milliseconds since 2004-11-03, then the last 23 bits of the id. It cannot
    be turned back; who must find something by its number keeps the number beside it.
    """
    value = to_uuid(text).int
    return (value >> 80 & 0xFF_FFFF_FFFF) << 23 | value & 0x7F_FFFF
