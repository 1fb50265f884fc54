"""What a check says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from infra.doctor.situation import Situation


class Level(StrEnum):
    """How much a finding matters."""

    GOOD = "good"
    WORTH_KNOWING = "worth knowing"
    """It works, but not for everybody, or not for long."""
    BAD = "bad"
    """It does not work until it is mended."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check: what was found, and how to mend it."""

    level: Level
    found: str
    mend: str = ""
    check: str = ""

    def of(self, check: str) -> Finding:
        """The same, of a check of this name."""
        return replace(self, check=check)


Check = Callable[[Situation], Awaitable[Finding | None]]
"""None where there is nothing to check."""


def words_of(error: BaseException) -> str:
    """What an error says, or what it is called where it says nothing."""
    return str(error) or type(error).__name__


def good(found: str) -> Finding:
    """All is well."""
    return Finding(Level.GOOD, found)


def worth_knowing(found: str, mend: str) -> Finding:
    """It works, but."""
    return Finding(Level.WORTH_KNOWING, found, mend)


def bad(found: str, mend: str) -> Finding:
    """It must be mended."""
    return Finding(Level.BAD, found, mend)
