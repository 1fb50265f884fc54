"""Partial captions: what the recogniser believes at the moment. Nothing keeps them; the final caption is the record."""

from __future__ import annotations

from contracts.envelope import Audience, Event, PersonRef, SpaceId, event
from contracts.times import Moment


@event("captions", "partial", Audience.PUBLIC, passing=True)
class Partial(Event):
    """Text so far of a caption that is still being spoken; replaced by the next with the same `caption_id`."""

    space_id: SpaceId
    caption_id: str
    person: PersonRef
    lang: str
    text: str
    start_at: Moment
