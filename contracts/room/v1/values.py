"""Types of the values that commands, events and queries of a Space share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from contracts.growing import Growing
from contracts.written import Written

Title = Annotated[str, StringConstraints(min_length=1, max_length=70, strip_whitespace=True)]
TITLE_REMOVED: Final = "[removed]"
"""The title of a Space whose title was erased, with its host or the Space."""
TITLE_UNAVAILABLE: Final = "[unavailable]"
"""The title while the keys of titles cannot be had."""
GivenTitle = Annotated[str, Written(1, 70)]
"""A title that somebody writes; one that is told is a `Title`."""
Topic = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
"""BCP 47 language tag."""
SpokenLanguage = Annotated[str, StringConstraints(max_length=35, pattern=r"^(auto|[a-z]{2,3}(-[A-Za-z0-9]{2,8})*)$")]
"""BCP 47 language tag of what somebody speaks; `und`, or `auto`, for finding it out."""
Word = Annotated[str, StringConstraints(min_length=1, max_length=40, strip_whitespace=True)]
"""A name, a brand or a term, of one or several words, as captions should write it."""
Words = Annotated[tuple[Word, ...], Field(max_length=50)]
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
