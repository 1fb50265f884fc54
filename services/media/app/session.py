"""One connection, and how long its person has been talking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from contracts.envelope import PersonRef
from contracts.media import v1
from libs.ids import to_uuid

Reason = Literal["closed", "expired", "removed", "ended", "replaced", "failed"]

HOLD_SECONDS: Final = 0.6
"""For how long the forwarder keeps a talker's slot after the last sound."""
_LOW: Final = (1 << 64) - 1


def number_of(id: str) -> int:
    """A Space's or person's number at the forwarder: the low 64 bits of its UUID, which are never 0."""
    return to_uuid(id).int & _LOW


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
    opened_at: datetime
    presence: str
    """Id of the presence session that this connection keeps alive: the client's own, else the connection's."""
    remote_ufrag: str
    mid: str
    """Of its first section."""
    address: str | None
    """Where its HTTP request came from."""
    muted: bool
    capture: bool
    restarts: int = 0
    """ICE sessions after the first."""
    connected: bool = False
    talking_since: float | None = None
    """On the loop's clock."""
    bundles: int = 0
    """Captured so far."""
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
        """What every event about it carries."""
        return {
            "at": at, "node_id": node_id, "space_id": self.space_id, "session_id": self.id, "person_id": self.person_id,
        }  # fmt: skip

    def talked(self, now: float) -> float | None:
        """Ends a stretch of talking: its seconds, or None when there was none."""
        if self.talking_since is None:
            return None
        # One that ended with a silence was noticed later, by the time the slot is held; a mute is noticed at once.
        late = 0.0 if self.muted or self.closing else HOLD_SECONDS
        seconds = max(0.0, now - self.talking_since - late)
        self.talking_since = None
        return seconds
