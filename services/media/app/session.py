"""One connection, and how long its person has been talking."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from contracts.envelope import PersonRef
from contracts.media import v1
from libs.ids import to_uuid
from libs.refusal import Refusal

Reason = Literal["closed", "expired", "removed", "ended", "replaced", "failed"]

HOLD_SECONDS: Final = 0.6
"""How long the forwarder keeps a talker's slot after the last sound."""
_LOW: Final = (1 << 64) - 1


def number_of(id: str) -> int:
    """Return a Space's or person's number at the forwarder: the low 64 bits of its UUID, which are never 0."""
    return to_uuid(id).int & _LOW


@dataclass(frozen=True, slots=True)
class Answered:
    """What was asked and answered when a connection was set up, kept small: every listener has one."""

    asked: bytes
    """A digest."""
    sdp: bytes
    """Compressed."""

    @classmethod
    def of(cls, command: v1.Connect, sdp: str) -> Answered:
        """Keep the answer to a command."""
        return cls(_digest(command), zlib.compress(sdp.encode()))

    def again(self, command: v1.Connect) -> str:
        """Return the same SDP for the same offer. Refuses: idempotency_conflict."""
        if self.asked != _digest(command):
            detail = "This Idempotency-Key belongs to a connection with another offer, which is still open."
            raise Refusal("idempotency_conflict", detail)
        return zlib.decompress(self.sdp).decode()


def _digest(command: v1.Connect) -> bytes:
    # Of what the client sent alone: all else may be another thing at the next gateway, or after an upgrade.
    return hashlib.sha256(command.offer.encode()).digest()


@dataclass(slots=True, eq=False)
class Session:
    """One connection."""

    number: int
    id: str
    space_id: str
    person: PersonRef | None
    direction: v1.Direction
    recordable: bool
    """Whether the Space keeps audio at all: recorded, or with captions."""
    recorded: bool
    opened_at: datetime
    audio_id: str
    """By which other nodes and readers of captures know what is said over it: an id of its own, since a command that is
    sent again after the connection ended sets up another one with the same `id`."""
    presence: str
    """Id of the presence session that this connection keeps alive: the client's own, else the connection's."""
    remote_ufrag: str
    mid: str
    """MID of the section whose transport it uses."""
    address: str | None
    """IP address that its HTTP request came from."""
    muted: bool
    capture: bool
    answered: Answered | None = None
    restarts: int = 0
    """How often it began another ICE session."""
    connected: bool = False
    talking_since: float | None = None
    """Time of the event loop's clock."""
    bundles: int = 0
    """How many were captured so far."""
    token: v1.Token | None = None
    """That it was opened with, and does not outlive."""
    ends: asyncio.TimerHandle | None = None
    """What closes it when the token ends."""
    closing: Reason | None = None
    """Why it is being closed, once it is."""

    @property
    def person_id(self) -> str | None:
        """Whose it is; None for an anonymous listener."""
        return None if self.person is None else self.person.id

    @property
    def etag(self) -> str:
        """Names the ICE session."""
        return f"{self.id}-{self.restarts}" if self.restarts else self.id

    def head(self, node_id: str, at: datetime) -> dict[str, Any]:
        """The fields that every event about it has. Whoever listens is not named: whether they hide is not known here,
        and may change."""
        speaker = self.person_id if self.direction == "publish" else None
        return {
            "at": at, "node_id": node_id, "space_id": self.space_id, "session_id": self.id, "person_id": speaker,
        }  # fmt: skip

    def talked(self, now: float) -> float | None:
        """End a stretch of talking; return its seconds, or None when there was none."""
        if self.talking_since is None:
            return None
        # One that ended with a silence was noticed later, by the time the slot is held; a mute is noticed at once.
        late = 0.0 if self.muted or self.closing else HOLD_SECONDS
        seconds = max(0.0, now - self.talking_since - late)
        self.talking_since = None
        return seconds
