"""The clock of the machine, for composition roots: everything below them is given the time as an argument."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The time (UTC)."""
    return datetime.now(UTC)
