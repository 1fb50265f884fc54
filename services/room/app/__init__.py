"""The room service's work: Spaces (event-sourced) and presence (leases, in memory)."""

from services.room.app.presence import Ended, Lease, Opened, Presence
from services.room.app.spaces import Spaces

__all__ = ["Ended", "Lease", "Opened", "Presence", "Spaces"]
