"""What people are told in their browsers, until when that is worth anything, and how it is put."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

WORTH_SECONDS: Final = 1800.0
"""A message is not sent later than this after what it tells of."""


class About(StrEnum):
    """What a message tells of."""

    SOON = "soon"
    """One's own Space starts in a while."""
    START = "start"
    """It is time for a Space of which one wanted to be reminded."""
    LIVE = "live"
    """A Space is live: somebody one follows has begun, or one wanted to be reminded."""


@dataclass(frozen=True, slots=True)
class Text:
    """What a message says."""

    title: str
    body: str


def expires(at: float) -> float:
    """When it is too late to tell of what happened then, in seconds of Unix time."""
    return at + WORTH_SECONDS


def is_timely(about: About, state: str) -> bool:
    """Whether a message still says something true, where its Space is `scheduled`, `live` or anything else."""
    match about:
        case About.SOON:
            return state == "scheduled"
        case About.LIVE:
            return state == "live"
        case About.START:
            return state in ("scheduled", "live")


def text(about: About, *, title: str, host: str, live: bool, reminder: bool) -> Text:
    """How it is put; `reminder`: the person asked for it."""
    if about is About.SOON:
        return Text("Your Space starts soon", title)
    if not reminder:
        return Text(f"{host} is live", title)
    return Text(f"“{title}” has begun" if live else f"It is time for “{title}”", f"Hosted by {host}")
