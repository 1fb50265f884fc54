"""What a token says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Claims:
    """A verified token: the person (`sub`), whether they act for those who run the instance, until when it is good."""

    person_id: str
    operator: bool
    expires_at: datetime
    token_id: str = ""
    """Half of the token's SHA-256, by which it is revoked."""
    issued_at: datetime = _LONG_AGO
    """When it was made; one that does not say so is older than any that does."""
