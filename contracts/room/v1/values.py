"""Types of the values that commands, events and queries of a Space share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from contracts.growing import Growing
from contracts.sealed import TITLE_REMOVED as TITLE_REMOVED
from contracts.sealed import TITLE_UNAVAILABLE as TITLE_UNAVAILABLE
from contracts.written import Written

Title = Annotated[str, StringConstraints(min_length=1, max_length=70, strip_whitespace=True)]
LINK_UNAVAILABLE: Final = "https://unavailable.invalid/"
"""The address of a pin for whoever opens none."""
GivenTitle = Annotated[str, Written(1, 70)]
"""A title that somebody writes; one that is told is a `Title`."""
Topic = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
UNDETERMINED: Final = "und"
"""How BCP 47 calls a language that is not known."""
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
"""BCP 47 language tag."""
SpokenLanguage = Annotated[str, StringConstraints(max_length=35, pattern=r"^(auto|[a-z]{2,3}(-[A-Za-z0-9]{2,8})*)$")]
"""BCP 47 language tag of what somebody speaks; `und`, or `auto`, for finding it out."""
GivenLanguage = Annotated[SpokenLanguage, AfterValidator(lambda tag: UNDETERMINED if tag == "auto" else tag)]
"""What a host says is spoken in a Space: `auto` is read as `und`."""
Word = Annotated[str, StringConstraints(min_length=1, max_length=40, strip_whitespace=True)]
"""A name, a brand or a term, of one or several words, as captions should write it."""
WordList = Annotated[tuple[Word, ...], Field(max_length=50)]
GivenWords = Annotated[tuple[Annotated[str, Written(1, 40)], ...], Field(max_length=50)]
Message = Annotated[str, Written(0, 280)]
PreviewText = Annotated[str, StringConstraints(max_length=280, strip_whitespace=True)]
GivenPreviewText = Annotated[str, Written(0, 280)]
PinId = Annotated[str, StringConstraints(pattern=r"^[0-9a-hjkmnp-tv-z]{26}$")]
Explanation = Annotated[str, Written(0, 500, lines=True)]

REACTIONS: Final = (
    "laughing",
    "surprised",
    "crying",
    "purple_heart",
    "hundred",
    "clap",
    "fist",
    "thumbs_up",
    "thumbs_down",
    "wave",
)
"""What an instance takes unless its setting says otherwise."""
WITH_SKIN_TONE: Final = ("clap", "fist", "thumbs_up", "thumbs_down", "wave")
"""Those that are hands, which have a skin tone."""
Reaction = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,30}$")]


class State(Growing):
    """Lifecycle of a Space."""

    SCHEDULED = "scheduled"
    LIVE = "live"
    ENDED = "ended"
    CANCELED = "canceled"
    TIMED_OUT = "timed_out"
    DELETED = "deleted"
    """Nobody is shown it any more; told to those who follow it."""


class Role(Growing):
    """What somebody is in a Space."""

    HOST = "host"
    COHOST = "cohost"
    SPEAKER = "speaker"
    LISTENER = "listener"


class Kind(Growing):
    """What it is for."""

    SPACE = "space"
    """A few talk, any number listens."""
    CONVERSATION = "conversation"
    """Up to 4 people, all on stage, no audience."""


class InvitedTo(Growing):
    """What somebody is invited to."""

    SPEAK = "speak"
    """A place on stage; lapses unless it is accepted."""
    JOIN = "join"
    """Being there, where only invited people can join; needs no answer."""


class PeopleList(StrEnum):
    """A list of people that a Space keeps, however long it becomes."""

    REMOVED = "removed"
    """Who is out."""
    INVITED = "invited"
    """Everybody who was ever invited: they may join where only invited people can."""


class WhoCanJoin(Growing):
    """Who may listen."""

    EVERYONE = "everyone"
    FOLLOWERS = "followers"
    INVITED = "invited"


class WhoCanSpeak(Growing):
    """Who may come on stage without being let in."""

    EVERYONE = "everyone"
    FOLLOWED = "followed"
    INVITED = "invited"
