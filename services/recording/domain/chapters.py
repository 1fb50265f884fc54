"""The chapters of a replay: what is proposed, and what the host made of it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Final

from msgspec import Struct

from libs.eventstore import Fact, stored
from libs.keyring import Words
from libs.refusal import Refusal

SHORTEST: Final = 30.0
"""Seconds for which somebody leads the talk before that makes a chapter."""
MOST: Final = 100
_APART: Final = 10.0
"""Seconds between two chapters that are proposed."""


class Lead(Struct, frozen=True):
    """From here on somebody speaks most of the time."""

    seconds: float
    person_id: str


class Chapter(Struct, frozen=True):
    """A chapter of a replay, as it is sealed."""

    seconds: float
    """Where it begins in the replay."""
    title: str = ""
    """In the host's words; empty where it is called after whoever leads the talk."""
    person_id: str | None = None
    url: str | None = None


@stored("recording.chapters_set")
class ChaptersSet(Fact):
    """The host says which chapters the replay has."""

    host: str
    number: int
    """How many times the chapters were set, with this one."""
    chapters: Words
    """A list of `Chapter` in JSON; empty where the host removed them."""
    count: int
    """How many there are."""
    object: str
    """What the list is called among what is to be destroyed."""


class Set(Struct, frozen=True):
    """The chapters as the host set them last."""

    number: int = 0
    host: str = ""
    chapters: Words = ""
    count: int = 0
    object: str = ""


def checked(chapters: Sequence[Chapter], seconds: float) -> list[Chapter]:
    """Chapters that a replay of this length can have. Refuses: invalid."""
    starts = [chapter.seconds for chapter in chapters]
    if any(later <= earlier for earlier, later in pairwise(starts)):
        raise Refusal("invalid", "Chapters: each begins after the one before it.", field="chapters")
    if starts and starts[-1] >= seconds:
        raise Refusal("invalid", f"Chapters: the replay ends after {seconds:.1f} s.", field="chapters")
    return list(chapters)


def leads_of(leaders: Sequence[str | None], window: float) -> tuple[Lead, ...]:
    """Who leads the talk from when on, given who spoke most in each of some windows of time (None: nobody).

    What is shorter than SHORTEST belongs to what was before it.
    """
    runs = [(person, len(list(those))) for person, those in groupby(leaders)]
    found: list[Lead] = []
    at = 0
    for person, length in runs:
        if person is not None and length * window >= SHORTEST and (not found or found[-1].person_id != person):
            found.append(Lead(at * window, person))
        at += length
    return tuple(found)


def proposed(leads: Sequence[Lead], pinned: Sequence[Chapter], seconds: float) -> list[Chapter]:
    """Chapters of a replay of this length: where something was pinned, and where somebody else leads the talk.

    What was pinned counts more than who speaks where both are close together. The first one begins with the replay.
    """
    chosen: list[Chapter] = []
    led = [Chapter(lead.seconds, person_id=lead.person_id) for lead in leads]
    for chapter in (*sorted(pinned, key=lambda one: one.seconds), *led):
        if 0 <= chapter.seconds < seconds and all(abs(chapter.seconds - one.seconds) >= _APART for one in chosen):
            chosen.append(chapter)
    chosen.sort(key=lambda one: one.seconds)
    if chosen:
        first = chosen[0]
        chosen[0] = Chapter(0.0, first.title, first.person_id, first.url)
    return chosen[:MOST]
