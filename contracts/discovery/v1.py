"""Discovery: what is on, and who of those one follows is there."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints

from contracts.commands import Query, register
from contracts.envelope import Audience, Event, Model, PersonId, PersonRef, SpaceId, event
from contracts.room.v1 import Pin, Space, State
from contracts.sealed import TITLE_REMOVED, TITLE_UNAVAILABLE, WordField
from contracts.times import GivenMoment, Moment


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
    ephemeral: bool = False
    """Whether everything said and written in it is destroyed at its end."""
    scheduled_start: Moment | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None
    because: tuple[PersonRef, ...] = ()
    """In the live bar: those on stage whom the viewer follows."""
    official: bool = False
    """Whether its host is one whose live Spaces are shown in everybody's live bar."""

    @staticmethod
    def of(space: Space) -> SpaceCard:
        """A Space as room tells of it, without what is counted."""
        return SpaceCard(
            id=space.id,
            title=space.settings.title,
            state=space.state,
            host=space.host,
            speakers=tuple(member.person for member in space.stage),
            topics=space.settings.topics,
            lang=space.settings.lang,
            recorded=space.settings.recorded,
            captions=space.settings.captions,
            ephemeral=space.settings.ephemeral,
            scheduled_start=space.scheduled_start,
            started_at=space.started_at,
            ended_at=space.ended_at,
        )


class SpaceDetails(SpaceCard):
    """A Space in a list, with all that is kept of it. People in the order in which they came, at most 100 each."""

    created_at: Moment
    updated_at: Moment
    """When anything but its count of listeners changed last."""
    creator: PersonRef
    """Who created it; `host` is who hosts it now."""
    hosts: tuple[PersonRef, ...] = ()
    """The host and the co-hosts."""
    invited: tuple[PersonRef, ...] = ()
    """Who was invited to it: for its hosts all of them, for others the asker and those who came on stage."""
    spoke: tuple[PersonRef, ...] = ()
    """Who has been on stage at any time and is no host."""
    participants: int = Field(default=0, ge=0)
    """How many are there now, on stage or listening."""
    subscribers: int = Field(default=0, ge=0)
    """How many want to be reminded."""
    pins: tuple[Pin, ...] = ()
    """What is pinned, in the order in which it was."""


class Spoken(Model):
    """A sentence of a replay that has the words."""

    space_id: SpaceId
    caption_id: str
    seconds: float = Field(ge=0)
    """Where in the replay it begins."""
    text: str


class SpacePage(Model):
    """A part of what was found, in order."""

    spaces: tuple[SpaceCard, ...]
    next_cursor: str | None = None
    """Ask again with it for what follows; None at the end."""
    spoken: tuple[Spoken, ...] = ()
    """For those of the Spaces that were found by what was said in them: the best sentence of each."""
    approximate: bool = False
    """So many that the asker may see have the words that only live ones and the newest others were looked at."""
    states: tuple[State, ...] = ()
    """What states were looked through."""


class Sentence(Model):
    """What one person said without a pause of note, as its final caption has it or as the host corrected it."""

    caption_id: str
    person: PersonRef
    lang: str
    text: str
    start_at: Moment
    end_at: Moment
    corrected: bool = False
    """Whether the host corrected what was recognised."""


class SentenceFound(Sentence):
    """A sentence that answers to a search, with its neighbours."""

    space_id: SpaceId
    seconds: float = Field(ge=0)
    """Where it begins: in the replay where there is one, else counted from the Space's start."""
    replay: bool
    """Whether there is a replay to jump into."""
    before: Sentence | None = None
    """What was said before it in the same Space."""
    after: Sentence | None = None


class SentencePage(Model):
    """A part of the sentences that were found, best first."""

    sentences: tuple[SentenceFound, ...]
    spaces: tuple[SpaceCard, ...] = ()
    """The Spaces they were said in, each once."""
    next_cursor: str | None = None
    """Ask again with it for what follows; None at the end."""
    approximate: bool = False
    """So many sentences have the words that only those of the newest Spaces were ranked."""
    guessed: bool = False
    """Nothing has the words as they were typed: these have, in place of words that nobody said, others that are spelt
    nearly so or begin so."""


class SpacesFound(Model):
    """The Spaces among those asked for that are there and that the asker may see."""

    spaces: tuple[SpaceDetails, ...]
    left_out: tuple[SpaceId, ...] = ()
    """What one message has no room for; to be asked for again."""


class SpaceCards(Model):
    """A page of Spaces."""

    spaces: tuple[SpaceCard, ...]


_CARD: Final = WordField("card.title", erased=TITLE_REMOVED, unopened=TITLE_UNAVAILABLE)


@event("discovery", "bar_changed", Audience.PERSON, concerns=("person_id",), words=(_CARD,))
class BarChanged(Event):
    """The live bar of a person gained, changed or lost this Space (`card` None); sent while they are connected."""

    person_id: PersonId
    space_id: SpaceId
    card: SpaceCard | None

    @property
    def key(self) -> str:
        return self.person_id


@event("discovery", "bars_changed", Audience.PERSON, concerns=("person_ids",), words=(_CARD,))
class BarsChanged(Event):
    """The same for many people at once, who all see the same card. Each is shown `to(person_id)`, never the others."""

    person_ids: Annotated[tuple[PersonId, ...], Field(min_length=1, max_length=1000)]
    space_id: SpaceId
    card: SpaceCard | None

    def people(self) -> frozenset[str]:
        return frozenset(self.person_ids)

    def to(self, person_id: str) -> BarChanged:
        """What one of them is shown."""
        return BarChanged(at=self.at, person_id=person_id, space_id=self.space_id, card=self.card)


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


SearchText = Annotated[str, StringConstraints(max_length=2048)]
Cursor = Annotated[str, StringConstraints(min_length=1, max_length=300)]


@register
class SearchQuery(Query[SpacePage]):
    """Spaces that the actor may join and that answer to everything given.

    Live ones first, by relevance where `words` are given, else by listeners; then scheduled ones, by relevance or next
    first; then those that are over, by relevance or newest first; then those in whose replay somebody said the words,
    where the actor may hear it. Refuses: invalid (a cursor of something else),
    too_many_requests (searching takes too long at the moment).
    """

    service = "discovery"
    name = "search"
    result = SpacePage
    state: Literal["live", "scheduled", "ended", "all"] = "live"
    """`ended` includes those that timed out."""
    words: SearchText = ""
    """Beginnings of words of the headline, the topics, the host's handle or name, all of which must be there; where
    nothing has them, what is spelt nearly so. The first ten count."""
    spoken: bool = True
    """Whether words are looked for also in what was said."""
    topic: Annotated[str, StringConstraints(max_length=40)] | None = None
    lang: Annotated[str, StringConstraints(max_length=35)] | None = None
    """`en` finds also `en-GB`."""
    creator: Annotated[str, StringConstraints(max_length=26)] | None = None
    """The creator's id or handle."""
    starts_from: GivenMoment | None = None
    """Starts, or started, at or after this."""
    starts_to: GivenMoment | None = None
    """Starts, or started, before this."""
    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


@register
class LookupQuery(Query[SpacesFound]):
    """Certain Spaces, in the order of `space_ids` and whatever their state; and the live and scheduled ones of certain
    creators, by id or by number (`libs.ids.to_number`), newest first. At most 100 in all."""

    service = "discovery"
    name = "lookup"
    result = SpacesFound
    space_ids: Annotated[tuple[SpaceId, ...], Field(max_length=100)] = ()
    creator_ids: Annotated[tuple[PersonId, ...], Field(max_length=100)] = ()
    creator_numbers: Annotated[tuple[Annotated[int, Field(ge=0, lt=2**63)], ...], Field(max_length=100)] = ()


@register
class TranscriptSearchQuery(Query[SentencePage]):
    """Sentences that were said in Spaces, live or over, whose transcript the actor may read.

    Sentences have all the words, as whole words without case and accents; what stands in double quotes is a phrase.
    Those in which the words weigh most come first, then the newest. Nobody finds what a person said whom they block or
    who blocks them. Refuses: invalid (neither words nor a speaker, or a cursor of something else), too_many_requests
    (searching takes too long at the moment), unavailable (the index is being prepared).
    """

    service = "discovery"
    name = "search_transcripts"
    result = SentencePage
    words: SearchText = ""
    """The first ten count. May be empty where a speaker is given."""
    speaker: Annotated[str, StringConstraints(max_length=26)] | None = None
    """Id or handle of who said it."""
    space_id: SpaceId | None = None
    said_from: GivenMoment | None = None
    """Said at or after this."""
    said_to: GivenMoment | None = None
    """Said before this."""
    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20
