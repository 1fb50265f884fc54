"""The recording of one Space: who is recorded, from when to when, and what became of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from msgspec import Struct, field

from libs.eventstore import Aggregate, Fact, Meta, stored

FailureReason = Literal["nothing_captured", "storage", "unreadable"]


class Phase(StrEnum):
    """How far a recording is."""

    NONE = "none"
    RECORDING = "recording"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"


class Track(Struct, frozen=True, kw_only=True):
    """One speaker's file."""

    person_id: str
    handle: str
    name: str
    object: str
    offset_seconds: float
    seconds: float
    bytes: int


@stored("recording.began")
class Began(Fact):
    """A Space that is recorded has started."""

    started_at: datetime
    title: str


@stored("recording.speaker_noted")
class SpeakerNoted(Fact):
    """Somebody came on stage, and consents to be recorded from then on, or does not."""

    person_id: str
    handle: str
    name: str
    consents: bool
    since: datetime


@stored("recording.ended")
class Ended(Fact):
    """The Space is over; the replay is owed."""

    ended_at: datetime


@stored("recording.finished")
class Finished(Fact):
    """The replay is stored."""

    began_at: datetime
    seconds: float
    bytes: int
    mix: str
    tracks: tuple[Track, ...]


@stored("recording.failed")
class Failed(Fact):
    """There will be no replay."""

    reason: FailureReason
    detail: str


class Speaker(Struct, frozen=True):
    """Somebody who has been on stage; `consents` says from when on they consented, or did not."""

    handle: str
    name: str
    consents: tuple[tuple[datetime, bool], ...]

    def consented(self, at: datetime) -> bool:
        """Whether they consented at a moment; before their first place on stage as at it."""
        known = [yes for since, yes in self.consents if since <= at]
        return known[-1] if known else self.consents[0][1]


class Recording(Aggregate):
    """State of the aggregate; its id is the Space's. Commands are methods that return facts."""

    phase: Phase = Phase.NONE
    title: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    speakers: dict[str, Speaker] = field(default_factory=dict)
    finished: Finished | None = None

    @property
    def space_id(self) -> str:
        return self.id

    def begin(self, *, started_at: datetime, title: str) -> list[Fact]:
        """Begin, where it has not begun."""
        if self.phase is not Phase.NONE:
            return []
        return [Began(started_at=started_at, title=title)]

    def note_speaker(self, *, person_id: str, handle: str, name: str, consents: bool, since: datetime) -> list[Fact]:
        """Somebody is on stage since a moment; told twice, noted once. Too late when it is over."""
        known = self.speakers.get(person_id)
        if self.phase not in (Phase.RECORDING, Phase.PROCESSING):
            return []
        if known is not None and any(at == since for at, _ in known.consents):
            return []
        return [SpeakerNoted(person_id=person_id, handle=handle, name=name, consents=consents, since=since)]

    def end(self, *, ended_at: datetime) -> list[Fact]:
        """The Space is over."""
        return [Ended(ended_at=ended_at)] if self.phase is Phase.RECORDING else []

    def finish(self, *, began_at: datetime, seconds: float, bytes: int, mix: str, tracks: list[Track]) -> list[Fact]:
        """The replay is stored."""
        if self.phase is not Phase.PROCESSING:
            return []
        return [Finished(began_at=began_at, seconds=seconds, bytes=bytes, mix=mix, tracks=tuple(tracks))]

    def fail(self, *, reason: FailureReason, detail: str) -> list[Fact]:
        """There will be no replay."""
        return [Failed(reason=reason, detail=detail)] if self.phase is Phase.PROCESSING else []

    def apply(self, fact: Fact, meta: Meta) -> None:
        match fact:
            case Began():
                self.phase, self.started_at, self.title = Phase.RECORDING, fact.started_at, fact.title
            case SpeakerNoted():
                known = self.speakers.get(fact.person_id)
                consents = (*(known.consents if known else ()), (fact.since, fact.consents))
                speaker = Speaker(fact.handle, fact.name, tuple(sorted(consents)))
                self.speakers = {**self.speakers, fact.person_id: speaker}
            case Ended():
                self.phase, self.ended_at = Phase.PROCESSING, fact.ended_at
            case Finished():
                self.phase, self.finished = Phase.READY, fact
            case Failed():
                self.phase = Phase.FAILED
            case _:
                raise TypeError(f"{type(fact).__name__} is no fact of a recording")
