"""A Space's transcript: what was said, by whom, and how far the captured audio is accounted for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from libs.eventstore import Aggregate, Fact, Meta, stored


@stored("transcript.opened")
class Opened(Fact):
    """The Space has captions and is live."""

    lang: str
    started_at: datetime
    """When the Space started; a document's times count from here."""


@stored("transcript.captioned")
class Captioned(Fact):
    """A final caption, together with where to go on listening after a crash."""

    caption_id: str
    """Made of the session and the moment of capture at which the utterance began: the same when it is heard again."""
    session_id: str
    person_id: str
    handle: str
    name: str
    lang: str
    text: str
    start_at: datetime
    end_at: datetime
    epoch: str
    """The capture stream that the sequences belong to."""
    sequence: int
    """All bundles of this session up to here are accounted for."""
    resume: int
    """All bundles of the whole Space up to here are accounted for."""


@stored("transcript.completed")
class Completed(Fact):
    """The Space is over and everything that was captured is transcribed."""

    captions: int
    words: int


@stored("transcript.deleted")
class Deleted(Fact):
    """The replay was deleted, and nobody is shown what was said any more."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far the captured audio of a Space is accounted for, in stream sequences."""

    epoch: str = ""
    resume: int = 0
    sessions: dict[str, int] = field(default_factory=dict)

    def of(self, session_id: str) -> int:
        """Bundles of this session up to here must not be heard again."""
        return self.sessions.get(session_id, 0)


class Transcript(Aggregate):
    """The transcript of one Space."""

    lang: str = ""
    started_at: datetime | None = None
    completed: bool = False
    deleted: bool = False
    captions: list[Captioned] = msgspec.field(default_factory=list)
    position: Position = msgspec.field(default_factory=Position)
    _ids: set[str] = msgspec.field(default_factory=set)

    def open(self, lang: str, started_at: datetime) -> list[Fact]:
        """Begin it; once, and not after its replay was deleted."""
        return [] if self.started_at is not None or self.deleted else [Opened(lang=lang, started_at=started_at)]

    def caption(self, caption: Captioned) -> list[Fact]:
        """Add a caption; nothing when it is there already, or the transcript is complete."""
        if self.started_at is None or self.completed or caption.caption_id in self._ids:
            return []
        return [caption]

    def complete(self) -> list[Fact]:
        """Nothing more will come."""
        if self.started_at is None or self.completed:
            return []
        words = sum(len(caption.text.split()) for caption in self.captions)
        return [Completed(captions=len(self.captions), words=words)]

    def delete(self) -> list[Fact]:
        """Show it to nobody any more, nor begin it; again changes nothing."""
        return [] if self.deleted else [Deleted()]

    def spoken(self) -> tuple[Captioned, ...]:
        """All captions in the order in which they were begun."""
        return tuple(sorted(self.captions, key=lambda c: (c.start_at, c.caption_id)))

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take a fact in."""
        match fact:
            case Opened():
                self.lang, self.started_at = fact.lang, fact.started_at
            case Captioned():
                self.captions.append(fact)
                self._ids.add(fact.caption_id)
                sessions = self.position.sessions if self.position.epoch == fact.epoch else {}
                resume = self.position.resume if self.position.epoch == fact.epoch else 0
                sessions[fact.session_id] = max(fact.sequence, sessions.get(fact.session_id, 0))
                self.position = Position(fact.epoch, max(fact.resume, resume), sessions)
            case Completed():
                self.completed = True
            case Deleted():
                # Nothing is added to it either.
                self.deleted = self.completed = True
                self.captions.clear()
