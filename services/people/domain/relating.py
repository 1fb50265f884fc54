"""Whom somebody follows and blocks, changed many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from libs.eventstore import Fact, Meta
from libs.refusal import Refusal
from services.people.domain.person import Person

Does = Literal["follow", "unfollow", "block", "unblock"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change of whom somebody follows or blocks."""

    does: Does
    other: str
    blocked: bool = False
    """Whether the other one, who exists, blocks them."""


def relate(
    person: Person, changes: Sequence[Change], *, most: int, now: datetime
) -> tuple[list[Fact], list[Refusal | None]]:
    """Make changes one after another: what comes of them, and for each why it was refused. At most `most` people are
    followed."""
    after = copy(person)
    after.following, after.blocked = set(person.following), set(person.blocked)
    facts: list[Fact] = []
    refused: list[Refusal | None] = []
    for change in changes:
        try:
            decided = _decide(after, change, most)
        except Refusal as no:
            refused.append(no)
            continue
        for fact in decided:
            after.apply(fact, Meta(at=now))
        facts += decided
        refused.append(None)
    return facts, refused


def _decide(person: Person, change: Change, most: int) -> list[Fact]:
    match change.does:
        case "follow":
            return person.follow(change.other, followee_exists=True, most=most, blocked=change.blocked)
        case "unfollow":
            return person.unfollow(change.other)
        case "block":
            return person.block(change.other, person_exists=True)
        case "unblock":
            return person.unblock(change.other)
