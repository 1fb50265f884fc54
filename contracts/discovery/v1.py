"""Discovery: what is on, and who of those one follows is there."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from contracts.commands import Query, register
from contracts.envelope import Audience, Event, Model, PersonId, PersonRef, SpaceId, event
from contracts.room.v1 import State


class SpaceCard(Model):
    """A Space in a list."""

    id: SpaceId
    title: str
    state: State
    host: PersonRef
    speakers: tuple[PersonRef, ...] = ()
    """Everybody on stage, the host included."""
    listeners: int = Field(default=0, ge=0)
    topics: tuple[str, ...] = ()
    lang: str = "en"
    recorded: bool = False
    captions: bool = False
    scheduled_start: AwareDatetime | None = None
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    because: tuple[PersonRef, ...] = ()
    """In the live bar: those on stage whom the viewer follows."""


class SpaceCards(Model):
    """A page of Spaces."""

    spaces: tuple[SpaceCard, ...]


@event("discovery", "bar_changed", Audience.PERSON, concerns=("person_id",))
class BarChanged(Event):
    """The live bar of a person gained, changed or lost this Space (`card` None); sent while they are connected."""

    person_id: PersonId
    space_id: SpaceId
    card: SpaceCard | None

    @property
    def key(self) -> str:
        return self.person_id


@register
class LiveBarQuery(Query[SpaceCards]):
    """Every live Space in which somebody the actor follows is on stage, and the actor's own; newest first."""

    service = "discovery"
    name = "live_bar"
    result = SpaceCards
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@register
class BrowseQuery(Query[SpaceCards]):
    """Public Spaces in one state; live ones by listeners, the others by time."""

    service = "discovery"
    name = "browse"
    result = SpaceCards
    state: State = State.LIVE
    limit: Annotated[int, Field(ge=1, le=100)] = 20
