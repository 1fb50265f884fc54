"""From stored facts to contract events, and from a transcript to what is shown of it.

What is stored has ids of people, and words that are sealed. Events have both as they are stored. For what is shown,
`who` tells what people are called now, and `sealer` has fetched the locks of `locks_of`; words that were erased are
empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from contracts.envelope import Outgoing, PersonRef, with_boxes
from contracts.sealed import Box
from contracts.transcription import v1
from libs.eventstore import Notification
from libs.keyring import Sealed, Words
from libs.keyring.opening import box_of
from libs.names import Who
from services.transcription.app.caption_sealer import CaptionSealer
from services.transcription.domain.facts import (
    CaptionCorrected,
    CaptionDeleted,
    Captioned,
    CaptionRestored,
    Completed,
    Deleted,
    Word,
    lock_of,
)
from services.transcription.domain.transcript import Correction, Transcript


def locks_of(transcript: Transcript, captions: Iterable[Captioned]) -> set[str]:
    """Names of the locks that are needed to show these captions of a transcript."""
    names = set()
    for caption in captions:
        correction = transcript.corrections.get(caption.caption_id)
        if isinstance(caption.text, Sealed):
            names.add(lock_of(transcript.id, caption.person_id))
        if correction is not None and isinstance(correction.text, Sealed):
            names |= {lock_of(transcript.id, person_id) for person_id in (caption.person_id, correction.by)}
    return names


@dataclass(frozen=True, slots=True)
class ShownCaption:
    """A caption of a transcript, and what it says."""

    fact: Captioned
    text: str
    correction: Correction | None
    """The correction that says so."""
    words: tuple[Word, ...] = ()
    """What was heard, word by word; none where it is corrected, or nobody asked for them."""


def shown_of(
    transcript: Transcript, fact: Captioned, sealer: CaptionSealer, *, words: bool = False
) -> ShownCaption | None:
    """What a caption says, word by word too where those are wanted; None where it was erased. Raises Expired."""
    correction = transcript.corrections.get(fact.caption_id)
    if correction is None:
        text = sealer.heard(transcript.id, fact)
    else:
        text = sealer.correction(transcript.id, fact.caption_id, fact.person_id, correction)
    if not text:
        return None
    return ShownCaption(
        fact, text, correction, sealer.words(transcript.id, fact) if words and correction is None else ()
    )


def shown_to(
    viewer: str | None, shown: ShownCaption, transcript: Transcript, who: Who, sealer: CaptionSealer
) -> v1.Caption:
    """A caption as a person is shown it, without its words one by one. Raises Refusal
    unavailable while it is not known what its speaker is called, and Expired."""
    fact, correction = shown.fact, shown.correction
    told = correction is not None and viewer is not None and viewer in (fact.person_id, transcript.host)
    return v1.Caption(
        id=fact.caption_id,
        person=who(fact.person_id).ref,
        lang=fact.lang,
        text=shown.text,
        start_at=fact.start_at,
        end_at=fact.end_at,
        corrected_by=None if correction is None else correction.by,
        heard=(sealer.heard(transcript.id, fact) or None) if told else None,
        correction_rejected=fact.caption_id in transcript.rejected,
    )


def translate(notification: Notification) -> Sequence[Outgoing]:
    """The contract events of a stored fact: always as many, whatever was erased since."""
    space_id, at, version = notification.aggregate_id, notification.record.at, notification.version
    boxes: dict[str, Box] = {}

    def told(path: str, words: Words, *locks: str) -> str:
        """What is not sealed of words for this place in an event; what is sealed is in `boxes`."""
        if isinstance(words, str):
            return words
        boxes[path] = box_of(words, *locks)
        return ""

    match notification.fact:
        case Captioned() as fact:
            lock = lock_of(space_id, fact.person_id)
            caption = v1.Caption(
                id=fact.caption_id,
                person=PersonRef.of(fact.person_id),
                lang=fact.lang,
                text=told("caption.text", fact.text, lock),
                start_at=fact.start_at,
                end_at=fact.end_at,
                words=_one_by_one(fact.words) if isinstance(fact.words, tuple) else (),
            )
            if isinstance(fact.words, Sealed):
                told("caption.words", fact.words, lock)
            return [with_boxes(v1.Captioned(at=at, space_id=space_id, version=version, caption=caption), boxes)]
        case CaptionCorrected() as fact:
            lock = lock_of(space_id, fact.person_id)
            locks = (lock,) if fact.by == fact.person_id else (lock_of(space_id, fact.by), lock)
            text = told("text", fact.text, *locks)
            corrected = v1.CaptionCorrected(
                at=at, space_id=space_id, version=version,
                caption_id=fact.caption_id, person_id=fact.person_id, text=text, by=fact.by,
            )  # fmt: skip
            everybody = with_boxes(corrected, dict(boxes))
            if fact.by == fact.person_id:
                return [everybody]
            to_speaker = v1.OwnCaptionCorrected(
                at=at, space_id=space_id, version=version, caption_id=fact.caption_id, person_id=fact.person_id,
                text=text, heard=told("heard", fact.heard, lock), by=fact.by,
            )  # fmt: skip
            return [everybody, with_boxes(to_speaker, boxes)]
        case CaptionRestored() as fact:
            restored = v1.CaptionRestored(
                at=at, space_id=space_id, version=version, caption_id=fact.caption_id, person_id=fact.person_id,
                text=told("text", fact.heard, lock_of(space_id, fact.person_id)),
                reason="rejected" if fact.rejected else "withdrawn",
            )  # fmt: skip
            return [with_boxes(restored, boxes)]
        case CaptionDeleted() as fact:
            by = notification.record.actor
            deleted = v1.CaptionDeleted(
                at=at, space_id=space_id, version=version, caption_id=fact.caption_id, person_id=fact.person_id, by=by
            )
            return [deleted]
        case Deleted(alone=True):
            return [v1.Deleted(at=at, space_id=space_id, version=version, by=notification.record.actor)]
        case Completed() as fact:
            return [v1.Completed(at=at, space_id=space_id, version=version, captions=fact.captions, words=fact.words)]
        case _:
            return []


def _one_by_one(words: Iterable[Word]) -> tuple[v1.Word, ...]:
    return tuple(v1.Word(text=word.text, start=word.start, end=word.end, confidence=word.confidence) for word in words)
