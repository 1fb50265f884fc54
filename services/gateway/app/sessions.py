"""Whose a session is. Its id proves that, so that any gateway, also one started later, can check it."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final
from uuid import UUID

from libs.ids import from_uuid, to_uuid
from libs.refusal import Refusal

_TIME: Final = 6
"""Bytes of an id that tell when it was made."""
_SAID: Final = 11
"""Bytes of an id before those that prove the rest."""


class SessionIds:
    """The ids that clients know their sessions by.

    Such an id holds a time, 34 random bits, and 40 bits of a MAC over those, the Space and the person: it is worth
    nothing to anybody else, and nobody can make one up. An anonymous client has nothing but the id to show, so the id
    is its secret: everywhere else its session goes by another one, which is made from the secret and does not tell it.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def bound(self, id: str, space_id: str, person_id: str | None) -> str:
        """The id of a new session of somebody, None for an anonymous one; the same for the same `id`."""
        said = bytearray(_shaped(to_uuid(id).bytes[:_TIME], id.encode())[:_SAID])
        return from_uuid(UUID(bytes=bytes(said) + self._proof(bytes(said), space_id, person_id)))

    def known_as(self, session: str, space_id: str, person_id: str | None) -> str:
        """The id by which everybody else knows a client's session. Refuses: session_unknown."""
        try:
            raw = to_uuid(session).bytes
        except ValueError:
            raw = b""
        if not hmac.compare_digest(raw[_SAID:], self._proof(raw[:_SAID], space_id, person_id)):
            raise Refusal("session_unknown", "You have no such session here; open one.")
        return session if person_id is not None else from_uuid(UUID(bytes=_shaped(raw[:_TIME], b"anonymous" + raw)))

    def _proof(self, said: bytes, space_id: str, person_id: str | None) -> bytes:
        text = b"\0".join((said, space_id.encode(), (person_id or "").encode()))
        return hmac.digest(self._secret, text, "sha256")[: 16 - _SAID]


def _shaped(time: bytes, text: bytes) -> bytes:
    """The 16 bytes of a UUIDv8 (RFC 9562, section 5.8) of this time, the rest a digest of the text."""
    raw = bytearray(time + hashlib.sha256(text).digest()[: 16 - _TIME])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return bytes(raw)
