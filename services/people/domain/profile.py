"""What a person may say of themself, and how often they may change it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from libs.eventstore import Fact, stored
from libs.keyring import Words
from libs.links import tidy_link
from libs.refusal import Refusal


@stored("people.profile_changed")
class ProfileChanged(Fact):
    """What the person says of themself, all of it, as it is from now on."""

    handle: Words
    name: Words
    bio: Words = ""
    links: tuple[Words, ...] = ()
    picture: str = ""
    """Its id; empty where there is none."""


@stored("people.picture_taken_away")
class PictureTakenAway(Fact):
    """Operators removed the person's picture; what they say of themself changes with the next fact."""

    explanation: Words = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What somebody wants to be changed; None stays. Words that are sealed differ from those there are."""

    handle: Words | None = None
    name: Words | None = None
    bio: Words | None = None
    links: tuple[Words, ...] | None = None
    picture: str | None = None
    """Its id; empty: none any more."""


def tidy(links: Iterable[str]) -> tuple[str, ...]:
    """Links as they are kept, each once. Raises Refusal invalid."""
    return tuple(dict.fromkeys(tidy_link(url, field="links") for url in links))


@dataclass(frozen=True, slots=True)
class Often:
    """How often somebody may change something: at most `most` times within `within`."""

    most: int
    within: timedelta

    def check(self, before: Sequence[datetime], now: datetime, what: str) -> None:
        """Raises Refusal changed_too_often. `before` are the times of the last changes, in order."""
        recent = [at for at in before if at > now - self.within]
        if len(recent) < self.most:
            return
        if not self.most:
            raise Refusal("changed_too_often", f"Nobody can change their {what} here.")
        days = self.within / timedelta(days=1)
        time = "a day" if days == 1 else f"{days:g} days"
        again = recent[-self.most] + self.within
        raise Refusal(
            "changed_too_often",
            f"You can change your {what} {self.most} times in {time}; again from {again:%-d %B %Y, %H:%M} UTC.",
        )


@dataclass(frozen=True, slots=True)
class ProfileLimits:
    """How often a profile may change, and its handle."""

    handles: Often = Often(3, timedelta(days=30))
    profiles: Often = Often(30, timedelta(days=1))


NO_LIMITS: Final = ProfileLimits(*[Often(1_000_000, timedelta(0))] * 2)
"""For what nobody changes by hand."""
_REMEMBERED: Final = 100
"""Times of changes that are remembered; no limit may be above it."""


class Profile(msgspec.Struct):
    """A profile as its person made it."""

    handle: Words = ""
    name: Words = ""
    bio: Words = ""
    links: tuple[Words, ...] = ()
    picture: str = ""
    changed: list[datetime] = msgspec.field(default_factory=list)
    """When it was changed last, in order."""
    handle_changed: list[datetime] = msgspec.field(default_factory=list)

    @property
    def said(self) -> ProfileChanged:
        """All that the person says of themself now."""
        return ProfileChanged(handle=self.handle, name=self.name, bio=self.bio, links=self.links, picture=self.picture)

    def change(self, wanted: Changes, *, now: datetime, limits: ProfileLimits) -> list[Fact]:
        """Change it; nothing happens where it is so already. Raises Refusal changed_too_often."""
        after = ProfileChanged(
            handle=self.handle if wanted.handle is None else wanted.handle,
            name=self.name if wanted.name is None else wanted.name,
            bio=self.bio if wanted.bio is None else wanted.bio,
            links=self.links if wanted.links is None else wanted.links,
            picture=self.picture if wanted.picture is None else wanted.picture,
        )
        if after == self.said:
            return []
        if after.handle != self.handle:
            limits.handles.check(self.handle_changed, now, "handle")
        limits.profiles.check(self.changed, now, "profile")
        return [after]

    def apply(self, fact: ProfileChanged, at: datetime) -> None:
        """Take in what happened."""
        self.changed = [*self.changed, at][-_REMEMBERED:]
        if fact.handle != self.handle:
            self.handle_changed = [*self.handle_changed, at][-_REMEMBERED:]
        self.handle, self.name, self.bio, self.links = fact.handle, fact.name, fact.bio, fact.links
        self.picture = fact.picture
