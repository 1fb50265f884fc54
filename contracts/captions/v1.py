"""Partial captions: what the recogniser believes at the moment. Facts of the moment, published by transcription."""

from __future__ import annotations

from pydantic import AwareDatetime

from contracts.envelope import Audience, Event, PersonRef, SpaceId, event


@event("captions", "partial", Audience.PUBLIC)
class Partial(Event):
    """Text so far of a caption that is still being spoken; replaced by the next with the same `caption_id`."""

    space_id: SpaceId
    caption_id: str
    person: PersonRef
    lang: str
    text: str
    start_at: AwareDatetime
