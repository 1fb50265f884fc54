"""What happens in a Space. Every event carries the version of the Space's aggregate after it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field
from pydantic_core import from_json

from contracts.envelope import Audience, Event, PersonId, PersonRef, SpaceId, event
from contracts.growing import GROWS
from contracts.room.v1.space import Invitation, Pin, Settings
from contracts.room.v1.values import (
    LINK_UNAVAILABLE,
    InvitedTo,
    Language,
    PinId,
    Role,
    WordList,
)
from contracts.sealed import LEFT_OUT, TITLE_REMOVED, TITLE_UNAVAILABLE, WordField
from contracts.times import Moment

_TITLE: Final = WordField("settings.title", erased=TITLE_REMOVED, unopened=TITLE_UNAVAILABLE)


class SpaceEvent(Event):
    """Belongs to a Space."""

    space_id: SpaceId
    version: int = Field(ge=1)
    """Version of the Space's aggregate after this event."""
    actor: PersonId | None = None
    """Who caused it; None for the system."""


@event("room", "created", Audience.PUBLIC, words=(_TITLE,))
class Created(SpaceEvent):
    """A Space exists; it is `scheduled` until it starts."""

    host: PersonRef
    settings: Settings
    scheduled_start: Moment | None = None


@event("room", "started", Audience.PUBLIC, words=(_TITLE,))
class Started(SpaceEvent):
    """It is live; the host stands on stage, muted."""

    host: PersonRef
    settings: Settings


@event("room", "ended", Audience.PUBLIC)
class Ended(SpaceEvent):
    """It is over. `timed_out` when the host was lost and nobody could take over, `erased` when they were erased and
    nobody could."""

    reason: Annotated[Literal["host", "platform", "timed_out", "erased"], GROWS] = "host"


@event("room", "canceled", Audience.PUBLIC)
class Canceled(SpaceEvent):
    """A scheduled Space will not take place. `never_started`: nobody started it within two hours of its time."""

    reason: Annotated[Literal["host", "platform", "never_started", "erased"], GROWS] = "host"


@event("room", "deleted", Audience.PUBLIC)
class SpaceDeleted(SpaceEvent):
    """Nobody is shown it any more, nor what was said and written in it."""


@event("room", "speak_requested", Audience.HOSTS, Audience.PERSON, concerns=("person",), words=(WordField("message"),))
class SpeakRequested(SpaceEvent):
    """Somebody joined the queue to speak."""

    person: PersonRef
    message: str = ""
    consent_to_recording: bool = True


@event("room", "request_canceled", Audience.HOSTS, Audience.PERSON, concerns=("person_id",))
class RequestCanceled(SpaceEvent):
    """Somebody left the queue."""

    person_id: PersonId


@event("room", "request_declined", Audience.HOSTS, Audience.PERSON, concerns=("person_id",))
class RequestDeclined(SpaceEvent):
    """A host said no."""

    person_id: PersonId


@event("room", "stage_joined", Audience.PUBLIC)
class StageJoined(SpaceEvent):
    """Somebody got a place on stage (leaves the queue, if they were in it); always muted at first."""

    person: PersonRef
    role: Role
    consent_to_recording: bool = True
    lang: Language | None = None
    """What they chose to speak when they were on stage before; None: the language of the Space."""


@event("room", "stage_left", Audience.PUBLIC)
class StageLeft(SpaceEvent):
    """Somebody left the stage and is a listener, or gone. `lost`: their connection dropped, and the grace is over."""

    person_id: PersonId
    reason: Annotated[Literal["stepped_down", "moved", "left", "lost"], GROWS] = "stepped_down"


@event("room", "muted", Audience.PUBLIC)
class Muted(SpaceEvent):
    """From now on nothing of this person is forwarded."""

    person_id: PersonId


@event("room", "unmuted", Audience.PUBLIC)
class Unmuted(SpaceEvent):
    """The person opened their microphone."""

    person_id: PersonId


@event("room", "removed", Audience.PUBLIC)
class Removed(SpaceEvent):
    """Somebody is out of the Space: off the stage, out of the queue, refused by every edge.

    For good where a host said so; while a block between them and the host, or their suspension, lasts.
    """

    person_id: PersonId
    because: Annotated[Literal["removed", "blocked", "suspended", "erased"], GROWS] = "removed"
    listened: bool = False
    """They were in no place that others see: nobody else is told, for they may hide that they listened."""


@event("room", "removal_recorded", Audience.HOSTS, words=(WordField("explanation"),))
class RemovalRecorded(SpaceEvent):
    """Why a person was removed; for the hosts' eyes and the moderation log."""

    person_id: PersonId
    explanation: str


@event("room", "readmitted", Audience.PUBLIC)
class Readmitted(SpaceEvent):
    """A removal was undone, or what it was for has ended: they may come again, as a listener."""

    person_id: PersonId
    listened: bool = False
    """As in `removed`."""


@event("room", "rescheduled", Audience.PUBLIC)
class Rescheduled(SpaceEvent):
    """A scheduled Space starts at another time."""

    scheduled_start: Moment


@event("room", "settings_changed", Audience.PUBLIC, words=(_TITLE,))
class SettingsChanged(SpaceEvent):
    """The host chose otherwise; `settings` are all of them as they are now."""

    settings: Settings


@event("room", "words_changed", Audience.HOSTS, words=(WordField("words", erased=(), unopened=(), read=from_json),))
class WordsChanged(SpaceEvent):
    """The hosts' word list, all of it as it is now."""

    words: WordList


@event("room", "language_chosen", Audience.PUBLIC)
class LanguageChosen(SpaceEvent):
    """Somebody on stage said what they speak from now on: `und` to have it found out, None for the Space's language."""

    person_id: PersonId
    lang: Language | None


@event("room", "invited", Audience.HOSTS, Audience.PERSON, concerns=("person",))
class Invited(SpaceEvent):
    """Somebody was invited: `invitation` to speak until it lapses, or only to be there."""

    person: PersonRef
    to: InvitedTo = InvitedTo.SPEAK
    invitation: Invitation | None = None


@event("room", "invitation_closed", Audience.HOSTS, Audience.PERSON, concerns=("person_id",))
class InvitationClosed(SpaceEvent):
    """An invitation to speak is over, and was not accepted."""

    person_id: PersonId
    reason: Annotated[Literal["declined", "withdrawn", "expired"], GROWS]


@event("room", "uninvited", Audience.HOSTS, Audience.PERSON, concerns=("person_id",))
class Uninvited(SpaceEvent):
    """Somebody is invited no longer, neither to speak nor to be there."""

    person_id: PersonId


@event("room", "hand_raised", Audience.PUBLIC)
class HandRaised(SpaceEvent):
    """Somebody on stage raised a hand; it stays until it is lowered or they unmute."""

    person_id: PersonId


@event("room", "hand_lowered", Audience.PUBLIC)
class HandLowered(SpaceEvent):
    """A hand is down again."""

    person_id: PersonId


@event("room", "cohost_appointed", Audience.PUBLIC)
class CohostAppointed(SpaceEvent):
    """Somebody on stage is a co-host now."""

    person_id: PersonId


@event("room", "cohost_dismissed", Audience.PUBLIC)
class CohostDismissed(SpaceEvent):
    """A co-host is a speaker again."""

    person_id: PersonId


@event("room", "host_changed", Audience.PUBLIC)
class HostChanged(SpaceEvent):
    """A co-host is the host now; the one before left the stage."""

    host: PersonRef
    previous_id: PersonId
    reason: Annotated[Literal["handed_over", "lost", "erased"], GROWS]


@event("room", "arrived", Audience.PUBLIC)
class Arrived(SpaceEvent):
    """Somebody on stage is connected, for the first time or again."""

    person_id: PersonId


@event("room", "lost", Audience.PUBLIC)
class Lost(SpaceEvent):
    """The connection of somebody on stage dropped; back before `until`, they find everything as it was."""

    person_id: PersonId
    until: Moment


@event("room", "request_held", Audience.HOSTS, Audience.PERSON, concerns=("person_id",))
class RequestHeld(SpaceEvent):
    """The connection of somebody in the queue dropped, and their place is held `until` then; None: they are back."""

    person_id: PersonId
    until: Moment | None = None


@event(
    "room",
    "pinned",
    Audience.PUBLIC,
    words=(WordField("pin.url", erased=LEFT_OUT, unopened=LINK_UNAVAILABLE), WordField("pin.text", erased=LEFT_OUT)),
)
class Pinned(SpaceEvent):
    """A link was pinned for everybody."""

    pin: Pin


@event("room", "unpinned", Audience.PUBLIC)
class Unpinned(SpaceEvent):
    """A link is pinned no longer."""

    pin_id: PinId
