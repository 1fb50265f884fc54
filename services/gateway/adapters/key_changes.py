"""Which API keys were revoked or rotated, so that what one opened ends when it does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from contracts.people.v1 import ApiKeyRevoked, ApiKeyRotated

_NO_MORE: Final = datetime.min.replace(tzinfo=UTC)
"""Whatever the clock of this machine says."""


@dataclass(frozen=True, slots=True)
class _Rotated:
    at: datetime
    kept_until: datetime
    """Until when the one before is good."""
    before: datetime | None
    """When it was rotated before that: what is older than this is good no more."""


class KeyChanges:
    """What the stream told of keys; there are a hundred at most."""

    def __init__(self) -> None:
        self._revoked: set[str] = set()
        self._rotated: dict[str, _Rotated] = {}

    def hear(self, event: ApiKeyRevoked | ApiKeyRotated) -> None:
        """Take the next event in."""
        if isinstance(event, ApiKeyRevoked):
            self._revoked.add(event.key_id)
            return
        former = self._rotated.get(event.key_id)
        if former is None or event.at > former.at:  # else the stream is told anew
            rotated = _Rotated(event.at, event.kept_until, None if former is None else former.at)
            self._rotated[event.key_id] = rotated

    def good_until(self, key_id: str, since: datetime, until: datetime | None) -> datetime | None:
        """Until when a text of a key is good, which may be past; None where that is not known.

        People said when that text was used that it had been the key's `since` then, or, being rotated, was good
        `until` then.
        """
        if key_id in self._revoked:
            return _NO_MORE
        rotated = self._rotated.get(key_id)
        if rotated is None or since >= rotated.at:
            return until
        is_former = until is None and (rotated.before is None or since >= rotated.before)
        return rotated.kept_until if is_former else _NO_MORE
