"""A Space as it is at one version."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from contracts.envelope import Model, PersonId, PersonRef, SpaceId
from contracts.room.v1.values import (
    GivenLanguage,
    GivenTitle,
    Kind,
    Language,
    PinId,
    PreviewText,
    Role,
    State,
    Title,
    Topic,
    WhoCanJoin,
    WhoCanSpeak,
    WordList,
)
from contracts.times import Moment
from contracts.written import Link

TOLD: Final = 100
"""So many of those who were removed, and of those who were invited, are told with a Space, the newest ones; `people`
asks for all of them, in pages."""


class Settings(Model):
    """What the host chooses."""

    title: Title
    topics: Annotated[tuple[Topic, ...], Field(max_length=3)] = ()
    lang: Language = "en"
    recorded: bool = False
    captions: bool = False
    who_can_join: WhoCanJoin = WhoCanJoin.EVERYONE
    who_can_speak: WhoCanSpeak = WhoCanSpeak.INVITED
    kind: Kind = Kind.SPACE
    ephemeral: bool = False
    """At its end everything that was written and said in it is destroyed; its id, times and counts remain. Never
    together with `recorded`."""


class ChosenSettings(Settings):
    """What a host sends."""

    title: GivenTitle
    lang: GivenLanguage = "en"


class StageMember(Model):
    """Somebody with a place on stage."""

    person: PersonRef
    role: Role
    muted: bool = True
    consent_to_recording: bool = True
    joined_at: Moment
    hand_raised: bool = False
    lost_until: Moment | None = None
    """Their connection dropped; at this time they lose their place."""
    lang: Language | None = None
    """What they said they speak here, `und` where it is to be found out; None: the language of the Space."""


class SpeakRequest(Model):
    """Somebody waiting to speak; the queue is in order of `requested_at`."""

    person: PersonRef
    message: str = ""
    consent_to_recording: bool = True
    requested_at: Moment
    lost_until: Moment | None = None
    """Their connection dropped; at this time they lose their place."""


class Invitation(Model):
    """Somebody who was invited on stage and has not answered yet."""

    person: PersonRef
    invited_by: PersonId | None = None
    expires_at: Moment


class Pin(Model):
    """A link with its preview text, for everybody in the Space."""

    id: PinId
    url: Link
    text: PreviewText = ""
    person: PersonRef
    """Who pinned it."""
    pinned_at: Moment


class Space(Model):
    """A Space at one version. `requests` and `invitations` hold only what the asker may see; `removed`, `invited` and
    `words` are for the hosts. Of `removed` and `invited` only the newest are told."""

    id: SpaceId
    version: int = Field(ge=1)
    state: State
    host: PersonRef
    settings: Settings
    created_at: Moment
    scheduled_start: Moment | None = None
    started_at: Moment | None = None
    ended_at: Moment | None = None
    stage: tuple[StageMember, ...] = ()
    requests: tuple[SpeakRequest, ...] = ()
    removed: tuple[PersonId, ...] = ()
    invitations: tuple[Invitation, ...] = ()
    invited: tuple[PersonId, ...] = ()
    """Who was invited: they may join where only invited people can."""
    pins: tuple[Pin, ...] = ()
    words: WordList = ()
    """The hosts' word list: what captions should be able to write."""
