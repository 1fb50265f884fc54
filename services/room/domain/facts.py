"""What can have happened to a Space.

Private to this service. Names are for ever, and a fact only gains fields with a default.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from libs.eventstore import Fact, stored
from libs.keyring import Sealed, Words
from services.room.domain.values import Because, InvitedTo, LetInBy, Person, Role, Settings

# ---- its life ---------------------------------------------------------------------------------------------------


@stored("space.created")
class Created(Fact):
    host: Person
    settings: Settings
    scheduled_start: datetime | None = None
    slot: int | None = None
    """Which of the host's places for scheduled Spaces it takes until it starts or is canceled."""
    platform: str = "web"
    """The kind of client it was created with, which who may host can depend on."""


@stored("space.rescheduled")
class Rescheduled(Fact):
    scheduled_start: datetime


@stored("space.settings_changed")
class SettingsChanged(Fact):
    settings: Settings


@stored("space.words_changed")
class WordsChanged(Fact):
    words: tuple[str, ...] | Sealed
    """All of them: a JSON array where they are sealed."""


@stored("space.started")
class Started(Fact):
    host: Person
    settings: Settings
    """As they stood at the start."""


@stored("space.canceled")
class Canceled(Fact):
    reason: Literal["host", "platform", "never_started", "erased"] = "host"


@stored("space.ended")
class Ended(Fact):
    reason: Literal["host", "platform", "timed_out", "erased"] = "host"


@stored("space.deleted")
class Deleted(Fact):
    """Nobody is shown it any more."""


@stored("space.host_changed")
class HostChanged(Fact):
    host: Person
    previous_id: str
    reason: Literal["handed_over", "lost", "erased"]


# ---- coming on stage --------------------------------------------------------------------------------------------


@stored("space.speak_requested")
class SpeakRequested(Fact):
    person: Person
    message: Words = ""
    consent_to_recording: bool = True
    here: bool = False
    """Whether they were connected."""


@stored("space.request_canceled")
class RequestCanceled(Fact):
    person_id: str


@stored("space.request_declined")
class RequestDeclined(Fact):
    person_id: str


@stored("space.request_held")
class RequestHeld(Fact):
    person_id: str
    until: datetime | None = None
    """None: they are back."""


@stored("space.invited")
class Invited(Fact):
    person: Person
    to: InvitedTo = "speak"
    expires_at: datetime | None = None
    """None: it needs no answer."""
    invited_by: str | None = None
    """Who had invited them, where an invitation is prolonged; None: who does now."""


@stored("space.invitation_closed")
class InvitationClosed(Fact):
    person_id: str
    reason: Literal["declined", "withdrawn", "expired"]


@stored("space.uninvited")
class Uninvited(Fact):
    person_id: str


@stored("space.stage_joined")
class StageJoined(Fact):
    person: Person
    role: Role = "speaker"
    consent_to_recording: bool = True
    because: LetInBy = "accepted"
    """What let them in: a host, or the rule of who can speak as it held then."""
    lang: str | None = None
    """What they chose to speak when they were on stage before."""


# ---- on stage ---------------------------------------------------------------------------------------------------


@stored("space.stage_left")
class StageLeft(Fact):
    person_id: str
    reason: Literal["stepped_down", "moved", "left", "lost"] = "stepped_down"


@stored("space.muted")
class Muted(Fact):
    person_id: str


@stored("space.unmuted")
class Unmuted(Fact):
    person_id: str


@stored("space.hand_raised")
class HandRaised(Fact):
    person_id: str


@stored("space.hand_lowered")
class HandLowered(Fact):
    person_id: str


@stored("space.language_chosen")
class LanguageChosen(Fact):
    person_id: str
    lang: str | None = None
    """`und`: to be found out. None: the language of the Space."""


@stored("space.cohost_appointed")
class CohostAppointed(Fact):
    person_id: str


@stored("space.cohost_dismissed")
class CohostDismissed(Fact):
    person_id: str


@stored("space.arrived")
class Arrived(Fact):
    person_id: str


@stored("space.lost")
class Lost(Fact):
    person_id: str
    until: datetime


@stored("space.pinned")
class Pinned(Fact):
    pin_id: str
    url: Words
    person: Person
    text: Words = ""


@stored("space.unpinned")
class Unpinned(Fact):
    pin_id: str


# ---- out of it --------------------------------------------------------------------------------------------------


@stored("space.removed")
class Removed(Fact):
    person_id: str
    explanation: Words = ""
    because: Because = "removed"
    listened: bool = False
    """They were in no place that others see; nobody else is told."""


@stored("space.readmitted")
class Readmitted(Fact):
    person_id: str
    listened: bool = False
    """As it was when they were removed."""


TIMELESS: Final[frozenset[type[Fact]]] = frozenset(
    {Muted, Unmuted, HandRaised, HandLowered, Pinned, Unpinned, SettingsChanged, WordsChanged, LanguageChosen}
)
"""By which nobody comes, goes, waits or is missed: nothing follows from them with time."""
