"""What is stored of a transcript, and what its words are sealed for."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from libs.eventstore import Fact, stored
from libs.keyring import Sealed, Words, lock_name

UNITS: Final = "transcript"
"""What all units of a transcript lie below."""


def lock_of(space_id: str, person_id: str) -> str:
    """The lock of what somebody said in a Space, or wrote about what was said."""
    return lock_name(f"person:{person_id}", f"space:{space_id}")


def unit_of(caption_id: str, wording: str = "") -> str:
    """The unit of what was heard, or of other words for it."""
    return f"{UNITS}/{caption_id}/{wording}" if wording else f"{UNITS}/{caption_id}"


class Word(msgspec.Struct, frozen=True, array_like=True):
    """One word of a caption, as the engine recognised it; seconds after the caption's `start_at`."""

    text: str
    start: float
    end: float
    confidence: float | None = None
    """From 0 to 1; None where the engine does not say."""


@stored("transcript.opened")
class TranscriptOpened(Fact):
    """The Space has captions and is live."""

    lang: str
    started_at: datetime
    """When the Space started; a document's times count from here."""


@stored("transcript.captioned")
class Captioned(Fact):
    """A final caption, together with where to continue after a crash. Earlier versions also stored what its speaker
    was called."""

    caption_id: str
    """Made of the session and the moment of capture at which the utterance began: the same at every attempt."""
    session_id: str
    person_id: str
    lang: str
    text: Words
    """Sealed for `unit_of(caption_id)`."""
    start_at: datetime
    end_at: datetime
    epoch: str
    """The capture stream that the sequences belong to."""
    sequence: int
    """All bundles of this session up to here are accounted for."""
    resume: int
    """All bundles of the whole Space up to here are accounted for."""
    words: tuple[Word, ...] | Sealed = ()
    """Its words with their times, where the engine gives them: sealed as JSON."""
    count: int = 0
    """How many words it has, where they are sealed."""
    detected: bool = False
    """Whether the language was found out, and holds for what this person says next."""
    others: dict[str, int] = msgspec.field(default_factory=dict)
    """Up to where the bundles of other sessions are accounted for: whoever continues begins each there, as it was."""


@stored("transcript.completed")
class Completed(Fact):
    """The Space is over and everything that was captured is transcribed."""

    captions: int
    words: int


@stored("transcript.host_noted")
class HostNoted(Fact):
    """Who hosts the Space, and so may correct its captions, from now on."""

    host: str


@stored("transcript.unrecorded")
class Unrecorded(Fact):
    """The Space is not recorded, so that no transcript is kept after its end."""


@stored("transcript.caption_corrected")
class CaptionCorrected(Fact):
    """The host put other words in place of what was heard."""

    caption_id: str
    person_id: str
    """Who spoke."""
    heard: Words
    text: Words
    """Sealed for `unit_of(caption_id, wording)` under the lock of who spoke, and then under that of `by`, where that is
    somebody else: without either of them it is gone."""
    by: str
    wording: str = ""
    """Tells the host's words for this caption apart; empty where they are plain."""


@stored("transcript.caption_restored")
class CaptionRestored(Fact):
    """What was heard is shown again."""

    caption_id: str
    person_id: str
    """Who spoke."""
    heard: Words
    rejected: bool
    """The speaker wants it so, for good; otherwise the host took the correction back."""


@stored("transcript.caption_deleted")
class CaptionDeleted(Fact):
    """Nobody is shown any more what was said there."""

    caption_id: str
    person_id: str
    """Who spoke."""


@stored("transcript.deleted")
class Deleted(Fact):
    """Nobody is shown what was said any more: the replay was deleted, or the Space was not recorded and is over."""

    alone: bool = False
    """The replay is kept: somebody wanted only this deleted."""
