"""Analytics: questions on engagement."""

from __future__ import annotations

from pydantic import Field

from contracts import personal_data
from contracts.commands import Query, register
from contracts.envelope import Model, PersonId, SpaceId


class MinuteCount(Model):
    """Listeners over one minute."""

    minute: int = Field(ge=0)
    """Since the start."""
    listeners: int = Field(ge=0)


class SpaceFigures(Model):
    """What a host asks about a Space."""

    space_id: SpaceId
    peak_listeners: int = Field(ge=0)
    total_listeners: int = Field(ge=0)
    """Distinct people, plus anonymous sessions."""
    speakers: int = Field(ge=0)
    duration_seconds: float = Field(ge=0)
    talk_seconds_by_speaker: dict[PersonId, float] = Field(default_factory=dict)
    reactions: dict[str, int] = Field(default_factory=dict)
    tips_offered: int = 0
    tips_confirmed: int = 0
    listeners_by_minute: tuple[MinuteCount, ...] = ()
    sources: dict[str, int] = Field(default_factory=dict)
    through_sequence: int = Field(default=0, ge=0)
    """Every event up to this sequence of the EVENTS stream is in these figures."""


@register
class SpaceFiguresQuery(Query[SpaceFigures]):
    """Figures of one Space. The gateway has asked room whether the actor hosts it."""

    service = "analytics"
    name = "space_figures"
    result = SpaceFigures
    space_id: SpaceId


@register
class HeldQuery(personal_data.HeldQuery):
    """What analytics holds of a person: rows of what they did that name them. See `contracts.personal_data`."""

    service = "analytics"
