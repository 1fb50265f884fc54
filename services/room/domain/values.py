"""The values that the facts and decisions of a Space are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import msgspec

from libs.keyring import Words

State = Literal["scheduled", "live", "ended", "canceled", "timed_out", "deleted"]
Role = Literal["host", "cohost", "speaker", "listener"]
Kind = Literal["space", "conversation"]
WhoCanJoin = Literal["everyone", "followers", "invited"]
WhoCanSpeak = Literal["everyone", "followed", "invited"]
InvitedTo = Literal["speak", "join"]
LetInBy = Literal["accepted", "everyone", "followed", "invited"]
Because = Literal["removed", "blocked", "suspended", "erased"]
"""Why somebody is out of a Space."""
HOSTING: Final[frozenset[Role]] = frozenset({"host", "cohost"})


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
    ephemeral: bool = False
    """Its keys are destroyed at the end."""


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
