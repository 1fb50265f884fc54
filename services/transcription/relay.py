"""From stored facts to contract events."""

from __future__ import annotations

from collections.abc import Sequence

from contracts.envelope import Event, PersonRef
from contracts.transcription import v1
from libs.eventstore import Notification
from services.transcription.domain import Captioned, Completed


def caption_of(fact: Captioned) -> v1.Caption:
    """A stored caption as others see it."""
    return v1.Caption(
        id=fact.caption_id,
        person=PersonRef(id=fact.person_id, handle=fact.handle, name=fact.name),
        lang=fact.lang,
        text=fact.text,
        start_at=fact.start_at,
        end_at=fact.end_at,
    )


def translate(notification: Notification) -> Sequence[Event]:
    """The contract events of a stored fact."""
    space_id, at = notification.aggregate_id, notification.record.at
    match notification.fact:
        case Captioned() as fact:
            return [
                v1.Captioned(at=at, space_id=space_id, version=notification.version, caption=caption_of(fact)),
            ]
        case Completed() as fact:
            return [
                v1.Completed(
                    at=at, space_id=space_id, version=notification.version, captions=fact.captions, words=fact.words
                )
            ]
        case _:
            return []
