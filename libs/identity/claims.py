"""What a token says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)

COMMAND_LINE: Final = "0" * 26
"""Stands in a token for whoever types commands on the machine itself: nobody of that id signs up."""


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
    sign_in: str | None = None
    """Names the sign-in at another issuer that it comes of, as an id of a token does: by it all that came of that
    sign-in are revoked."""
    rights: frozenset[str] | None = None
    """What it is for, where it was made for a purpose; None: for everything that the person may do."""
