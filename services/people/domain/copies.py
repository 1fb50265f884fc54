"""What is copied of what somebody reports: the words, and which stretch of sound."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from libs.eventstore import Fact, stored
from libs.keyring import Words

AROUND: Final = timedelta(seconds=10)
"""So much sound is kept before and after what is named."""
LONGEST: Final = timedelta(seconds=120)
"""The longest stretch of sound that is kept of one piece."""
SOUNDS: Final = 5
"""Pieces of one report whose sound is kept, the first ones."""

Why = Literal["deleted", "unseen", "given_up"]


class CopiedCaption(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said, in words."""

    id: str
    person: str
    text: str
    start: datetime
    end: datetime


class CopiedPin(msgspec.Struct, frozen=True, kw_only=True):
    """A pinned link."""

    person: str
    url: str
    text: str


class CopiedProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of themself."""

    handle: str
    name: str
    bio: str
    links: tuple[str, ...]


class Copy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The words of one piece; they are sealed as JSON."""

    title: str = ""
    captions: tuple[CopiedCaption, ...] = ()
    pin: CopiedPin | None = None
    message: str = ""
    profile: CopiedProfile | None = None


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a Space whose sound is kept, where it was captured."""

    space: str
    since: datetime
    until: datetime


def around(space: str, since: datetime, until: datetime, *, began: datetime, now: datetime) -> Stretch | None:
    """What is kept around a part of a Space that began then; None for what was before it, or is still to come."""
    since, until = max(since, began), min(until, now)
    if since > until:
        return None
    middle, half = since + (until - since) / 2, min((until - since) / 2 + AROUND, LONGEST / 2)
    since, until = max(middle - half, began), min(middle + half, now)
    return Stretch(space=space, since=since, until=until) if since < until else None


@stored("people.report_copied")
class Copied(Fact):
    """A piece is kept, under the key of its report."""

    piece: int
    words: Words = ""
    """A sealed `Copy`; empty for what is sound alone."""
    stretch: Stretch | None = None


@stored("people.report_copy_missing")
class CopyMissing(Fact):
    """A piece is not to be had, and is not asked for any more."""

    piece: int
    why: Why


@stored("people.report_copy_seen")
class CopySeen(Fact):
    """An operator, who is the fact's actor, read what was reported, or (`piece`) listened to it."""

    piece: int | None = None


@stored("people.report_copy_destroyed")
class CopyDestroyed(Fact):
    """The key of the report is destroyed, since its time is over: nobody reads anything in it any more."""
