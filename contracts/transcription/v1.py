"""Transcription: final captions and transcripts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from pydantic_core import from_json

from contracts import personal_data
from contracts.commands import Command, Nothing, Query, register
from contracts.envelope import Audience, Event, Model, PersonId, PersonRef, SpaceId, event
from contracts.growing import GROWS
from contracts.sealed import WordField
from contracts.times import Moment
from contracts.written import Written

CaptionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,80}$")]
CaptionText = Annotated[str, Written(1, 2000, lines=True)]
"""What a host may put in place of what was heard."""


class Word(Model):
    """One word of a caption. Times are in seconds after the caption's `start_at`."""

    text: str
    start: float = Field(ge=0)
    end: float = Field(ge=0)
    confidence: float | None = Field(default=None, ge=0, le=1)
    """How sure the recogniser is; None where it does not say."""


class Caption(Model):
    """One final caption: what one person said without a pause of note."""

    id: str
    """Stable; the partial captions that led to it carry the same."""
    person: PersonRef
    lang: str
    text: str
    """What is shown: the host's words where the host corrected it, else what was heard. Empty in an event that is told
    again after that was erased; such a caption is not shown."""
    start_at: Moment
    end_at: Moment
    words: tuple[Word, ...] = ()
    """What was heard, word by word; none where the engine gives no times, where `text` is the host's, and in the answer
    to `TranscriptQuery`."""
    corrected_by: PersonId | None = None
    """The host whose words `text` are; None while it is what was heard."""
    heard: str | None = None
    """What was heard where `text` is the host's; told to the speaker and the host alone."""
    correction_rejected: bool = False
    """The speaker rejected a correction, so that what was heard stays."""


class Transcript(Model):
    """Final captions of a Space in order of `start_at`: all of them, or as many as one answer carries."""

    space_id: SpaceId
    state: Annotated[Literal["none", "open", "complete"], GROWS]
    captions: tuple[Caption, ...] = ()
    version: int = Field(default=0, ge=0)
    """Rises with whatever is added."""
    more: bool = False
    """There are captions after these."""
    languages: tuple[str, ...] = ()
    """What is understood here, as primary subtags (BCP 47): whoever speaks something else has no captions. Empty where
    that is not told."""


class TranscriptionEvent(Event):
    """Belongs to a Space. `version` is that of its transcript."""

    space_id: SpaceId
    version: int = Field(ge=1)


def _one_by_one(text: str) -> list[dict[str, Any]]:
    """The words of a caption, of which what is sealed has the fields of each in their order."""
    return [dict(zip(Word.model_fields, row, strict=False)) for row in from_json(text)]


@event(
    "transcription",
    "captioned",
    Audience.PUBLIC,
    words=(WordField("caption.text"), WordField("caption.words", erased=(), unopened=(), read=_one_by_one)),
)
class Captioned(TranscriptionEvent):
    """A final caption; replaces the partial ones with its id."""

    caption: Caption


@event("transcription", "completed", Audience.PUBLIC)
class Completed(TranscriptionEvent):
    """Everything that was captured has been transcribed."""

    captions: int = Field(ge=0)
    words: int = Field(ge=0)


@event("transcription", "caption_corrected", Audience.PUBLIC, words=(WordField("text"),))
class CaptionCorrected(TranscriptionEvent):
    """The host put other words in place of what was heard; they are shown from now on, marked as the host's."""

    caption_id: CaptionId
    person_id: PersonId
    """Who spoke."""
    text: str
    """Empty where it is told again after these words were replaced by others, or erased."""
    by: PersonId


@event("transcription", "caption_restored", Audience.PUBLIC, words=(WordField("text"),))
class CaptionRestored(TranscriptionEvent):
    """What was heard is shown again."""

    caption_id: CaptionId
    person_id: PersonId
    """Who spoke."""
    text: str
    """What was heard; empty where it is told again after that was erased."""
    reason: Annotated[Literal["rejected", "withdrawn"], GROWS]
    """The speaker rejected the host's words, or the host took them back."""


@event(
    "transcription",
    "own_caption_corrected",
    Audience.PERSON,
    concerns=("person_id",),
    words=(WordField("text"), WordField("heard")),
)
class OwnCaptionCorrected(TranscriptionEvent):
    """Tells a speaker that the host corrected what they said, which they can reject."""

    caption_id: CaptionId
    person_id: PersonId
    """Who spoke, and is told."""
    text: str
    heard: str
    by: PersonId


@event("transcription", "caption_deleted", Audience.PUBLIC)
class CaptionDeleted(TranscriptionEvent):
    """What was said is shown to nobody any more, nor what a host put in its place."""

    caption_id: CaptionId
    person_id: PersonId
    """Who spoke."""
    by: PersonId | None = None
    """Who deleted it: the speaker, the host, or an operator."""


@event("transcription", "deleted", Audience.PUBLIC)
class Deleted(TranscriptionEvent):
    """The whole transcript is shown to nobody any more; the replay is kept."""

    by: PersonId | None = None
    """The host, or an operator."""


@register
class CorrectCaption(Command[Nothing]):
    """The host puts other words in place of what was heard; the same words again change nothing.

    The words that were heard take the correction back. Refuses: unauthenticated, transcript_unknown, not_ready,
    not_host, caption_unknown, correction_rejected, invalid.
    """

    service = "transcription"
    name = "correct_caption"
    result = Nothing
    space_id: SpaceId
    caption_id: CaptionId
    text: CaptionText


@register
class RejectCorrection(Command[Nothing]):
    """The speaker wants what was heard instead of the host's words, for good; again is accepted.

    Refuses: unauthenticated, transcript_unknown, caption_unknown, not_yours, wrong_state (nobody corrected it).
    """

    service = "transcription"
    name = "reject_correction"
    result = Nothing
    space_id: SpaceId
    caption_id: CaptionId


@register
class DeleteCaption(Command[Nothing]):
    """Who said it, the host, or an operator deletes one caption for good, also while the Space is live; again is
    accepted.

    Refuses: unauthenticated, transcript_unknown, caption_unknown, not_yours.
    """

    service = "transcription"
    name = "delete_caption"
    result = Nothing
    space_id: SpaceId
    caption_id: CaptionId


@register
class DeleteTranscript(Command[Nothing]):
    """The host, or an operator, deletes the whole transcript and keeps the replay; again is accepted.

    Refuses: unauthenticated, transcript_unknown, not_host, not_ready (there may still be something to add to it).
    """

    service = "transcription"
    name = "delete_transcript"
    result = Nothing
    space_id: SpaceId


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


class Languages(Model):
    """What captions are made of."""

    languages: tuple[str, ...]
    """Primary subtags (BCP 47), in alphabetical order: whoever speaks something else has no captions."""


@register
class LanguagesQuery(Query[Languages]):
    """What languages captions are made of, wherever somebody speaks."""

    service = "transcription"
    name = "languages"
    result = Languages


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
    digest: str = ""
    """Of the whole text. Another one than that of the part before tells that somebody has another name by now: what
    was read so far and this part are of two texts."""


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


class CaptionsAround(Model):
    """A caption and one on each side of it, in order of `start_at`."""

    space_id: SpaceId
    captions: tuple[Caption, ...]


@register
class CaptionsAroundQuery(Query[CaptionsAround]):
    """What a caption says, and what was said just before and after it. Whoever asks has asked room who may look.

    Refuses: transcript_unknown, caption_unknown.
    """

    service = "transcription"
    name = "captions_around"
    result = CaptionsAround
    space_id: SpaceId
    caption_id: CaptionId


@register
class HeldQuery(personal_data.HeldQuery):
    """What transcription holds of a person: what they were heard to say, and what they corrected. See
    `contracts.personal_data`."""

    service = "transcription"
