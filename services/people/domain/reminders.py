"""Who wants to be reminded of a Space, and who has been: so that everybody is, once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal, NamedTuple

import msgspec

from libs.eventstore import Aggregate, Fact, Meta, stored
from libs.keyring import Words

Kind = Literal["soon", "start"]
_People = set[str]
_TOGETHER: Final = 500
"""People reminded by one fact."""


@stored("people.reminder_set")
class ReminderSet(Fact):
    """Somebody wants to be reminded."""

    person: str


@stored("people.reminder_cleared")
class ReminderCleared(Fact):
    """Somebody does not want to be reminded any more."""

    person: str


@stored("people.reminded")
class Reminded(Fact):
    """These people are reminded."""

    kind: Kind
    start: datetime
    title: Words
    """As room sealed it; plain where an earlier version stored it."""
    people: tuple[str, ...]
    title_lock: str = ""
    """What it is sealed under."""


class Title(NamedTuple):
    """What a Space is called."""

    words: Words
    lock: str = ""
    """What it is sealed under."""


class Reminders(Aggregate):
    """The reminders of one Space."""

    wanted: dict[str, None] = msgspec.field(default_factory=dict)
    """In the order in which they asked."""
    told: dict[tuple[Kind, datetime], _People] = msgspec.field(default_factory=dict)

    # -- deciding ----------------------------------------------------------------------------------------------

    def set(self, person: str) -> list[Fact]:
        """Somebody wants to be reminded; again changes nothing."""
        return [] if person in self.wanted else [ReminderSet(person=person)]

    def clear(self, person: str) -> list[Fact]:
        """Somebody does not; again changes nothing."""
        return [ReminderCleared(person=person)] if person in self.wanted else []

    def remind_soon(self, host: str, start: datetime, title: Title) -> list[Fact]:
        """The host's Space starts soon."""
        return self._remind("soon", start, title, (host,))

    def remind_start(self, host: str | None, start: datetime, title: Title) -> list[Fact]:
        """It is time: for those who asked, and for the host unless they began (None)."""
        return self._remind("start", start, title, (*([] if host is None else [host]), *self.wanted))

    def _remind(self, kind: Kind, start: datetime, title: Title, people: Iterable[str]) -> list[Fact]:
        told = self.told.get((kind, start), _People())
        left = [person for person in dict.fromkeys(people) if person not in told]
        return [
            Reminded(
                kind=kind,
                start=start,
                title=title.words,
                title_lock=title.lock,
                people=tuple(left[at : at + _TOGETHER]),
            )
            for at in range(0, len(left), _TOGETHER)
        ]

    # -- evolving ----------------------------------------------------------------------------------------------

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        match fact:
            case ReminderSet(person=person):
                self.wanted[person] = None
            case ReminderCleared(person=person):
                self.wanted.pop(person, None)
            case Reminded(kind=kind, start=start, people=people):
                self.told.setdefault((kind, start), _People()).update(people)
            case _:
                pass
