"""What clients send, and what they get where it is no contract's model.

What is sent is closed: a field nobody knows is a mistake, not a wish.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from contracts.envelope import PersonId, PersonRef, SessionId
from contracts.people.v1 import DisplayName, Handle, Person
from contracts.recording.v1 import ReplayState
from contracts.room.v1 import Explanation, Kind, Language, Message, Reaction, Role, Settings, Title, Topic
from contracts.room.v1 import WhoCanJoin as Join
from contracts.room.v1 import WhoCanSpeak as Speak
from contracts.tipping.v1 import Currency, Provider


class Body(BaseModel):
    """Base of request bodies."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewPerson(Body):
    """Sign-up in development mode."""

    handle: Handle
    name: DisplayName
    invitation: Annotated[str, Field(max_length=40)] | None = None
    """A code, where the instance is invite-only."""


class SignedUp(BaseModel):
    """A new person and the token that proves to be them."""

    person: Person
    token: str


class NewSpace(Body):
    """A Space to be created; it is live at once unless `scheduled_start` (at most 30 days ahead) is given."""

    title: Title
    topics: Annotated[tuple[Topic, ...], Field(max_length=3)] = ()
    lang: Language = "en"
    recorded: bool = False
    captions: bool = False
    who_can_join: Join = Join.EVERYONE
    who_can_speak: Speak = Speak.INVITED
    kind: Kind = Kind.SPACE
    scheduled_start: AwareDatetime | None = None
    platform: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,20}$")] = "web"

    def settings(self) -> Settings:
        """The part that the Space keeps as its settings."""
        return Settings.model_validate(self.model_dump(exclude={"scheduled_start", "platform"}))


class NewSession(Body):
    """Joining a Space: on what, and from where."""

    platform: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,20}$")] = "web"
    source: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,40}$")] = "link"
    hidden: bool = False
    """Counted, and on no list of who is there."""


class SessionOpened(BaseModel):
    """A live presence. It ends `lease_seconds` after its last renewal; an open event stream with it renews it."""

    session_id: SessionId
    role: Role
    lease_seconds: float
    blocked_on_stage: tuple[PersonRef, ...] = ()
    """People on stage whom one has blocked."""


class NewRequest(Body):
    """Asking to speak. Without consent one is heard live, and is in no recording and no transcript."""

    message: Message = ""
    consent_to_recording: bool = True


class NewRemoval(Body):
    """Removing somebody for good; the reason is for the hosts and the moderation log."""

    person_id: PersonId
    reason: Explanation = ""


class NewReaction(Body):
    """One of the configured reactions; a skin tone (Fitzpatrick modifier) where it takes one."""

    reaction: Reaction
    skin_tone: Annotated[int, Field(ge=1, le=6)] | None = None


class NewTip(Body):
    """A tip for the host or a speaker. The amount is in the currency's minor unit."""

    to: PersonId
    provider: Provider
    amount_minor: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    currency: Currency | None = None
    note: Annotated[str, StringConstraints(max_length=140, strip_whitespace=True)] = ""


_Name = Annotated[str, StringConstraints(max_length=200)]


class NewJar(Body):
    """A tip jar, replacing the one before. Names become public, and that must be acknowledged to enable it."""

    paypal: _Name | None = None
    cash_app: _Name | None = None
    venmo: _Name | None = None
    patreon: _Name | None = None
    bandcamp: _Name | None = None
    enabled: bool
    public_names_acknowledged: bool = False

    def names(self) -> dict[Provider, str]:
        """The names that were given."""
        given = {provider: getattr(self, provider.value) for provider in Provider}
        return {provider: name for provider, name in given.items() if name}


class TrackView(BaseModel):
    """One speaker's own audio."""

    person: PersonRef
    url: str
    offset_seconds: float
    """Where it starts in the replay."""
    seconds: float
    bytes: int


class ReplayView(BaseModel):
    """How far the replay is, and where its parts are."""

    state: ReplayState
    began_at: AwareDatetime | None = None
    seconds: float = 0
    bytes: int = 0
    mix: str | None = None
    """Address of the mix."""
    tracks: list[TrackView] = []
