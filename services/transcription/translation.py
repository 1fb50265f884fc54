"""From stored facts to contract events, and from a transcript to what is shown of it.

What is stored has ids of people; `who` tells what they are called now.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.envelope import Event
from contracts.transcription import v1
from libs.eventstore import Notification
from libs.names import Who
from services.transcription.domain import CaptionCorrected, Captioned, CaptionRestored, Completed, Transcript


def named_in(notifications: Sequence[Notification]) -> Iterator[str]:
    """Ids of the people whose names are needed to translate these."""
    for notification in notifications:
        if isinstance(fact := notification.fact, Captioned):
            yield fact.person_id


def caption_of(fact: Captioned, who: Who) -> v1.Caption:
    """A stored caption as it was heard. Raises Refusal unavailable while it is not known what its speaker is called."""
    return v1.Caption(
        id=fact.caption_id,
        person=who(fact.person_id).ref,
        lang=fact.lang,
        text=fact.text,
        start_at=fact.start_at,
        end_at=fact.end_at,
        words=tuple(
            v1.Word(text=word.text, start=word.start, end=word.end, confidence=word.confidence) for word in fact.words
        ),
    )


def shown_to(viewer: str | None, fact: Captioned, transcript: Transcript, who: Who) -> v1.Caption:
    """A caption of a transcript as a person is shown it, without its words one by one. Raises as `caption_of` does."""
    caption = caption_of(fact, who).model_copy(
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


def translate(notification: Notification, who: Who) -> Sequence[Event]:
    """The contract events of a stored fact."""
    space_id, at, version = notification.aggregate_id, notification.record.at, notification.version
    match notification.fact:
        case Captioned() as fact:
            return [v1.Captioned(at=at, space_id=space_id, version=version, caption=caption_of(fact, who))]
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
