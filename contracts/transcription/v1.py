"""Transcription: final captions and transcripts."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from contracts.commands import Query, register
from contracts.envelope import Audience, Event, Model, PersonRef, SpaceId, event


class Caption(Model):
    """One final caption: what one person said without a pause of note."""

    id: str
    """Stable; the partial captions that led to it carry the same."""
    person: PersonRef
    lang: str
    text: str
    start_at: AwareDatetime
    end_at: AwareDatetime


class Transcript(Model):
    """Final captions of a Space in order of `start_at`: all of them, or as many as one answer carries."""

    space_id: SpaceId
    state: Literal["none", "open", "complete"]
    captions: tuple[Caption, ...] = ()
    version: int = Field(default=0, ge=0)
    """Rises with whatever is added."""
    more: bool = False
    """There are captions after these."""


class TranscriptionEvent(Event):
    """Belongs to a Space."""

    space_id: SpaceId
    version: int = Field(ge=1)


@event("transcription", "captioned", Audience.PUBLIC)
class Captioned(TranscriptionEvent):
    """A final caption; replaces the partial ones with its id."""

    caption: Caption


@event("transcription", "completed", Audience.PUBLIC)
class Completed(TranscriptionEvent):
    """Everything that was captured has been transcribed."""

    captions: int = Field(ge=0)
    words: int = Field(ge=0)


@register
class TranscriptQuery(Query[Transcript]):
    """A Space's transcript; state `none` where it has no captions. The gateway has asked room who may look.

    An answer says whether there is more, which is asked for with `after` and the answer's version as `at`.
    """

    service = "transcription"
    name = "transcript"
    result = Transcript
    space_id: SpaceId
    after: int = Field(default=0, ge=0)
    """So many captions are left out, the first ones."""
    at: int | None = Field(default=None, ge=1)
    """The transcript as it was at this version; as it is now where None. Of a deleted one nothing is told."""


class TranscriptDocument(Model):
    """A transcript as a file somebody downloads."""

    content_type: str
    """Media type with its charset."""
    body: str
    """The text, or as much of it as one answer carries."""
    version: int = Field(default=0, ge=0)
    """Of the transcript."""
    more: bool = False
    """The text goes on."""


@register
class TranscriptDocumentQuery(Query[TranscriptDocument]):
    """A transcript as WebVTT (with voice spans), SubRip, plain text or JSON. Times count from the Space's start.

    The gateway has asked room who may look. An answer says whether there is more, which is asked for with `after` and
    the answer's version as `at`. Refuses: transcript_unknown (a Space without captions).
    """

    service = "transcription"
    name = "transcript_document"
    result = TranscriptDocument
    space_id: SpaceId
    format: Literal["vtt", "srt", "txt", "json"]
    after: int = Field(default=0, ge=0)
    """So many characters are left out, the first ones."""
    at: int | None = Field(default=None, ge=1)
    """The transcript as it was at this version; as it is now where None. Of a deleted one nothing is told."""
