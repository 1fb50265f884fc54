"""The values that the facts and decisions of a Space are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from libs.keyring import Words

State = Literal["scheduled", "live", "ended", "canceled", "timed_out"]
Role = Literal["host", "cohost", "speaker", "listener"]
Kind = Literal["space", "conversation"]
WhoCanJoin = Literal["everyone", "followers", "invited"]
WhoCanSpeak = Literal["everyone", "followed", "invited"]
InvitedTo = Literal["speak", "join"]
LetInBy = Literal["accepted", "everyone", "followed", "invited"]
Because = Literal["removed", "blocked", "suspended"]
"""Why somebody is out of a Space."""
HOSTING: Final[frozenset[Role]] = frozenset({"host", "cohost"})


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of the rules."""

    stage: int = 13
    """People on stage at once, the host included."""
    speakers: int = 10
    cohosts: int = 2
    conversation: int = 4
    """People in a conversation."""
    schedule_ahead: timedelta = timedelta(days=30)
    scheduled: int = 10
    """Scheduled Spaces of one host at once."""
    grace: timedelta = timedelta(seconds=120)
    """How long somebody whose connection dropped keeps their place."""
    invitation: timedelta = timedelta(minutes=5)
    """How long an invitation to speak can be accepted."""
    invitations: int = 500
    """Invitations to speak of one Space that are not answered."""
    queue: int = 200
    """People who wait to speak in one Space."""
    message: int = 280
    """Characters that somebody may write to a request to speak."""
    unstarted: timedelta = timedelta(hours=2)
    """How long after its time a scheduled Space may still be started."""
    pins: int = 20
    topics: frozenset[str] | None = None
    """What a Space may be about; None: anything."""


class Person(msgspec.Struct, frozen=True):
    """A person, of whom facts hold nothing but the id. Those of earlier versions also have a handle and a name, which
    are not read any more."""

    id: str


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the host chose."""

    title: Words
    topics: tuple[str, ...] = ()
    lang: str = "en"
    recorded: bool = False
    captions: bool = False
    who_can_join: WhoCanJoin = "everyone"
    who_can_speak: WhoCanSpeak = "invited"
    kind: Kind = "space"
    title_by: str = ""
    """Who wrote the title, where it is sealed."""


@dataclass(slots=True)
class Member:
    """Somebody on stage."""

    person: Person
    role: Role
    consent_to_recording: bool
    joined_at: datetime
    muted: bool = True
    hand_raised: bool = False
    cohost_since: datetime | None = None
    here: bool = False
    """Whether they were ever seen connected."""
    lost_until: datetime | None = None
    lang: str | None = None
    """What they chose to speak; None: the language of the Space."""


@dataclass(slots=True)
class Request:
    """Somebody waiting to speak."""

    person: Person
    message: Words
    consent_to_recording: bool
    requested_at: datetime
    here: bool = False
    lost_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """Somebody asked on stage who has not answered."""

    person: Person
    invited_by: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Pin:
    """A link for everybody."""

    id: str
    url: Words
    text: Words
    person: Person
    pinned_at: datetime
