"""Questions about a Space."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from contracts import personal_data
from contracts.commands import Query, register
from contracts.envelope import Model, PersonId, PersonRef, SessionId, SpaceId
from contracts.room.v1.space import Space
from contracts.room.v1.values import PeopleList, Reaction, Role, Topic
from contracts.times import Moment


@register
class SpaceQuery(Query[Space]):
    """One Space as the actor may see it. Refuses: space_unknown, removed, blocked, suspended, not_allowed (neither may
    they join it, nor did they stand on its stage), unavailable (a follower who needs words that cannot be read now)."""

    service = "room"
    name = "space"
    result = Space
    space_id: SpaceId
    follower: bool = False
    """Asked by a service that follows the Space: everything is shown, the request queue and removals included."""
    words: bool = True
    """Whether what people wrote in it is needed; without, it is answered at any time."""
    let_in: bool = False
    """The gateway has seen them let in, so that who can join is not asked again while `session_id`, if it is given,
    lives, or may live and is not known again yet."""
    session_id: SessionId | None = None
    """A session that the gateway has seen to be theirs: while it lives they are in, though fewer may join now."""

    @property
    def partition_key(self) -> str | None:
        return self.space_id


class PastSpace(Space):
    """A Space as it was at an earlier moment, without what was erased since. How many listened then nobody keeps."""

    since: Moment
    """When it became so."""
    newest: int = Field(ge=1)
    """The Space's version now."""


@register
class PastSpaceQuery(Query[PastSpace]):
    """A Space as it was after its version `version`, or at the moment `at`, as the actor may see that: hosts and
    operators at any time, all others once it is over, where it was for everybody.

    Refuses: space_unknown, space_deleted, removed, blocked, suspended, not_allowed, not_found (it has no such version,
    or there was none then), unavailable.
    """

    service = "room"
    name = "past_space"
    result = PastSpace
    space_id: SpaceId
    version: int | None = Field(default=None, ge=1)
    at: Moment | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.version is None) == (self.at is None):
            raise ValueError("give a version or a time")
        return self

    @property
    def partition_key(self) -> str | None:
        return self.space_id


class SpacePeople(Model):
    """A page of people whom a Space keeps on a list, in order of their ids."""

    space_id: SpaceId
    version: int = Field(ge=1)
    """Version of the Space that has this page."""
    ids: tuple[PersonId, ...] = ()
    people: tuple[PersonRef, ...] = ()
    """Those of them who are known by name."""
    next: str | None = None
    """Where the next page begins; None on the last."""


@register
class SpacePeopleQuery(Query[SpacePeople]):
    """Who is on a list that is too long to be told with the Space, for its hosts, a page at a time.

    Refuses: space_unknown, not_host.
    """

    service = "room"
    name = "space_people"
    result = SpacePeople
    space_id: SpaceId
    which: PeopleList
    follower: bool = False
    """Asked by a service that follows the Space."""
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{0,26}$")] = ""
    """`next` of the page before."""

    @property
    def partition_key(self) -> str | None:
        return self.space_id


class Grant(Model):
    """What somebody may do in a Space right now."""

    space_id: SpaceId
    person: PersonRef | None
    role: Role
    may_publish: bool
    muted: bool
    recorded: bool
    captions: bool
    consent_to_recording: bool
    version: int
    blocked_on_stage: tuple[PersonRef, ...] = ()
    """People on stage whom the asker has blocked: they are warned before they join."""


@register
class AdmitQuery(Query[Grant]):
    """Whether the actor may be connected for listening, or for speaking where `publish`; or, `looking_back`, see what
    is kept of the Space, which need not be live any more.

    Refuses: space_unknown, not_live, removed, blocked, not_allowed, not_on_stage (publish), not_in_space (present).
    """

    service = "room"
    name = "admit"
    result = Grant
    space_id: SpaceId
    publish: bool = False
    looking_back: bool = False
    present: bool = False
    """Whether the actor must have a live session there."""
    session_id: SessionId | None = None
    """As in `SpaceQuery`."""

    @property
    def partition_key(self) -> str | None:
        return self.space_id


class Presence(Model):
    """How many are there now, from live leases."""

    space_id: SpaceId
    listeners: int = Field(ge=0)
    on_stage: int = Field(ge=0)


@register
class PresenceQuery(Query[Presence]):
    """How many are in a Space now. Refuses: space_unknown."""

    service = "room"
    name = "presence"
    result = Presence
    space_id: SpaceId

    @property
    def partition_key(self) -> str | None:
        return self.space_id


class LiveSpace(Model):
    """A live Space as those who run the instance see it."""

    id: SpaceId
    title: str
    host: PersonRef
    stage: tuple[PersonRef, ...] = ()
    """Everybody on it, the host included."""
    listeners: int = Field(default=0, ge=0)
    """Now, from live leases."""
    topics: tuple[str, ...] = ()
    lang: str = "en"
    recorded: bool = False
    captions: bool = False
    ephemeral: bool = False
    started_at: Moment | None = None


class LiveSpaces(Model):
    """The live Spaces of one partition."""

    spaces: tuple[LiveSpace, ...] = ()
    """A page, in order of their ids."""
    live: int = Field(default=0, ge=0)
    """All of them."""
    connected: int = Field(default=0, ge=0)
    """Everybody who is in one of them, from live leases."""


@register
class LiveSpacesQuery(Query[LiveSpaces]):
    """What is live in a partition, whoever may join; for operators, as the gateway has checked. Routed to it."""

    service = "room"
    name = "live_spaces"
    result = LiveSpaces
    partition: Annotated[int, Field(ge=0)]
    limit: Annotated[int, Field(ge=1, le=200)] = 100
    after: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{0,26}$")] = ""
    """Id of the last Space of the page before."""


class Participant(Model):
    """Somebody who is there now."""

    person: PersonRef
    role: Role


class Participants(Model):
    """A page of who is there, each person once; anonymous and hidden people are only counted."""

    space_id: SpaceId
    people: tuple[Participant, ...] = ()
    listeners: int = Field(default=0, ge=0)
    """All listeners, also those on no list."""
    next: str | None = None
    """Where the next page begins; None on the last."""


@register
class ParticipantsQuery(Query[Participants]):
    """Who is in a Space now, in order of their ids, a page at a time. Refuses like joining it."""

    service = "room"
    name = "participants"
    result = Participants
    space_id: SpaceId
    limit: Annotated[int, Field(ge=1, le=500)] = 100
    after: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{0,26}$")] = ""
    """`next` of the page before."""

    @property
    def partition_key(self) -> str | None:
        return self.space_id


class Topics(Model):
    """The list of topics a Space may be about."""

    topics: tuple[Topic, ...]


@register
class TopicsQuery(Query[Topics]):
    """What a Space may be about."""

    service = "room"
    name = "topics"
    result = Topics


class Reactions(Model):
    """The list of reactions that this instance takes."""

    reactions: tuple[Reaction, ...]
    with_skin_tone: tuple[Reaction, ...] = ()
    """Those of them that take a skin tone."""


@register
class ReactionsQuery(Query[Reactions]):
    """How one can react."""

    service = "room"
    name = "reactions"
    result = Reactions


@register
class HeldQuery(personal_data.HeldQuery):
    """What room holds of a person: what they did, and what happened to them, in Spaces. See
    `contracts.personal_data`."""

    service = "room"
