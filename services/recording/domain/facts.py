"""What happens to the recording of a Space, as it is stored."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from libs.eventstore import Fact, stored
from libs.keyring import Words
from services.recording.domain.chapters import Lead

DeletionReason = Literal["host", "expired", "platform"]
FailureReason = Literal["nothing_captured", "storage", "unreadable"]


class Track(Struct, frozen=True, kw_only=True):
    """One speaker's file. Earlier versions also stored what they were called."""

    person_id: str
    object: str
    offset_seconds: float
    seconds: float
    bytes: int


@stored("recording.began")
class Began(Fact):
    """A Space that is recorded has started."""

    started_at: datetime
    title: Words


@stored("recording.host_noted")
class HostNoted(Fact):
    """Whose Space it is, and so whose replay, from now on."""

    host: str
    version: int = 0
    """Of the Space when it was so; 0 where an earlier version stored this."""


@stored("recording.speaker_noted")
class SpeakerNoted(Fact):
    """Somebody came on stage, and consents to be recorded from then on, or does not. Earlier versions also stored what
    they were called."""

    person_id: str
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
    leads: tuple[Lead, ...] = ()
    """Who leads the talk, from when on; earlier versions did not look."""


@stored("recording.failed")
class Failed(Fact):
    """There will be no replay."""

    reason: FailureReason
    detail: str


@stored("recording.deleted")
class Deleted(Fact):
    """Nobody is shown the replay any more."""

    reason: DeletionReason


@stored("recording.discarded")
class Discarded(Fact):
    """The Space was deleted before its replay was stored; that is deleted as soon as it is."""

    reason: DeletionReason


@stored("recording.voice_erased")
class VoiceErased(Fact):
    """A speaker was erased. Their track is gone, and the mix with it until it is made again without them."""

    person_id: str


@stored("recording.made_again")
class MadeAgain(Fact):
    """The mix is stored again, of the tracks that are left."""

    began_at: datetime
    seconds: float
    bytes: int
    mix: str
    tracks: tuple[Track, ...]
    shown: bool
    """Whether it is a replay that people are shown, and not a safety copy."""


@stored("recording.reported")
class Reported(Fact):
    """Somebody complained of what was said, and the complaint is open."""

    report: str


@stored("recording.report_settled")
class ReportSettled(Fact):
    """That complaint is open no more."""

    report: str


@stored("recording.safety_copy_heard")
class SafetyCopyHeard(Fact):
    """An operator, who is the fact's actor, listens to it because of a report."""

    report: str


@stored("recording.safety_copy_destroyed")
class SafetyCopyDestroyed(Fact):
    """Nothing is left of it."""
