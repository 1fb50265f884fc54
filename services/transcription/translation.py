"""From stored facts to contract events, and from a transcript to what is shown of it."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.envelope import Event, PersonRef
from contracts.transcription import v1
from libs.eventstore import Notification
from services.transcription.domain import CaptionCorrected, Captioned, CaptionRestored, Completed, Transcript


def caption_of(fact: Captioned) -> v1.Caption:
    """A stored caption as it was heard."""
    return v1.Caption(
        id=fact.caption_id,
        person=PersonRef(id=fact.person_id, handle=fact.handle, name=fact.name),
        lang=fact.lang,
        text=fact.text,
        start_at=fact.start_at,
        end_at=fact.end_at,
        words=tuple(
            v1.Word(text=word.text, start=word.start, end=word.end, confidence=word.confidence) for word in fact.words
        ),
    )


def shown_to(viewer: str | None, fact: Captioned, transcript: Transcript) -> v1.Caption:
    """A caption of a transcript as a person is shown it, without its words one by one."""
    caption = caption_of(fact).model_copy(
        update={"words": (), "correction_rejected": fact.caption_id in transcript.rejected}
    )
    correction = transcript.corrections.get(fact.caption_id)
    if correction is None:
        return caption
    told = viewer is not None and viewer in (fact.person_id, transcript.host)
    return caption.model_copy(
        update={
            "text": correction.text, "corrected_by": correction.by, "heard": fact.text if told else None,
        }
    )  # fmt: skip


def translate(notification: Notification) -> Sequence[Event]:
    """The contract events of a stored fact."""
    space_id, at, version = notification.aggregate_id, notification.record.at, notification.version
    match notification.fact:
        case Captioned() as fact:
            return [v1.Captioned(at=at, space_id=space_id, version=version, caption=caption_of(fact))]
        case CaptionCorrected() as fact:
            corrected = v1.CaptionCorrected(
                at=at, space_id=space_id, version=version,
                caption_id=fact.caption_id, person_id=fact.person_id, text=fact.text, by=fact.by,
            )  # fmt: skip
            if fact.by == fact.person_id:
                return [corrected]
            told = v1.OwnCaptionCorrected(
                at=at, space_id=space_id, version=version,
                caption_id=fact.caption_id, person_id=fact.person_id, text=fact.text, heard=fact.heard, by=fact.by,
            )  # fmt: skip
            return [corrected, told]
        case CaptionRestored() as fact:
            return [
                v1.CaptionRestored(
                    at=at, space_id=space_id, version=version,
                    caption_id=fact.caption_id, person_id=fact.person_id, text=fact.heard,
                    reason="rejected" if fact.rejected else "withdrawn",
                )
            ]  # fmt: skip
        case Completed() as fact:
            return [
                v1.Completed(at=at, space_id=space_id, version=version, captions=fact.captions, words=fact.words),
            ]
        case _:
            return []
