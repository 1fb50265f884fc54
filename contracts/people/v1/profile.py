"""Profiles, and who follows and who blocks whom."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from contracts import pictures
from contracts.commands import Command, Nothing, Query, register
from contracts.envelope import Audience, Event, Model, PersonId, PersonRef, event
from contracts.written import GivenLink, Link, Written

Handle = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,15}$")]
"""Unique ignoring case."""
DisplayName = Annotated[str, Written(1, 50)]
Bio = Annotated[str, Written(0, 160, lines=True)]
PictureSource = Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[\x21-\x7e]+$")]
"""Where an issuer says that somebody's picture is."""
Links = Annotated[tuple[GivenLink, ...], Field(max_length=5)]


class PersonEvent(Event):
    """Belongs to a person, not to a Space."""

    person_id: PersonId
    version: int
    """Version of the person's aggregate after this event."""

    @property
    def key(self) -> str:
        return self.person_id


class Person(Model):
    """A profile as everybody may see it."""

    id: PersonId
    handle: str
    name: str
    followers: int = 0
    following: int = 0
    version: int = 0
    protected: bool = False
    """Chosen by the person; somebody protected hosts nothing."""
    hides_listening: bool = False
    """Listens without being on a list of participants. Told to the person alone; others read False."""
    bio: str = ""
    """What they say of themself, with line breaks."""
    links: tuple[Link, ...] = ()
    picture: str | None = None
    """Address of their picture; None where they have none."""

    @property
    def ref(self) -> PersonRef:
        return PersonRef(id=self.id, handle=self.handle, name=self.name, picture=self.picture)


class PictureSize(Model):
    """A picture in one size."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    side: int = Field(ge=1, le=4096)
    """Pixels of width and height."""
    data: Annotated[bytes, Field(min_length=1, max_length=pictures.LONGEST)]
    """WebP."""


@event("people", "registered", Audience.OPERATORS)
class Registered(PersonEvent):
    """Somebody signed up."""

    handle: str
    display_name: str


@event("people", "profile_changed", Audience.PUBLIC)
class ProfileChanged(PersonEvent):
    """The person changed their profile. These are their handle, name and picture from now on, wherever they are named.

    Told in every Space in which they are named at that moment.
    """

    handle: str
    display_name: str
    picture: str | None = None


@event("people", "followed", Audience.OPERATORS)
class Followed(PersonEvent):
    """`person_id` now follows `followee_id`."""

    followee_id: PersonId


@event("people", "unfollowed", Audience.OPERATORS)
class Unfollowed(PersonEvent):
    """`person_id` no longer follows `followee_id`."""

    followee_id: PersonId


@event("people", "blocked", Audience.OPERATORS)
class Blocked(PersonEvent):
    """`person_id` blocks `blocked_id`: neither joins the other's Spaces."""

    blocked_id: PersonId


@event("people", "unblocked", Audience.OPERATORS)
class Unblocked(PersonEvent):
    """`person_id` no longer blocks `blocked_id`."""

    blocked_id: PersonId


@register
class SignUp(Command[Person]):
    """Creates a profile. `person_id` is chosen by the gateway.

    Refuses: handle_taken, invitation_needed (this instance is invite-only, and the code is none, used up or expired).
    """

    service = "people"
    name = "sign_up"
    result = Person
    person_id: PersonId
    handle: Handle
    display_name: DisplayName
    invitation: Annotated[str, StringConstraints(max_length=40)] | None = None


@register
class Follow(Command[Nothing]):
    """The actor follows somebody; following twice is accepted.

    Refuses: person_unknown, not_allowed (oneself; a block either way).
    """

    service = "people"
    name = "follow"
    result = Nothing
    followee_id: PersonId


@register
class Unfollow(Command[Nothing]):
    """The actor stops following somebody; accepted also where they did not."""

    service = "people"
    name = "unfollow"
    result = Nothing
    followee_id: PersonId


@register
class Block(Command[Nothing]):
    """The actor blocks somebody, account-wide; neither follows the other then.

    Refuses: person_unknown, not_allowed (oneself).
    """

    service = "people"
    name = "block"
    result = Nothing
    blocked_id: PersonId


@register
class Unblock(Command[Nothing]):
    """The actor lifts a block; accepted also where there is none."""

    service = "people"
    name = "unblock"
    result = Nothing
    blocked_id: PersonId


@register
class PersonQuery(Query[Person]):
    """One profile. Refuses: person_unknown."""

    service = "people"
    name = "person"
    result = Person
    person_id: PersonId


class PeopleFound(Model):
    """People by their names: whose handle it is first, then by name."""

    people: tuple[PersonRef, ...]


@register
class PeopleQuery(Query[PeopleFound]):
    """People whose handle or name has words that begin like those. Neither the actor is among them, nor who is
    suspended, nor who blocks the actor or is blocked by them."""

    service = "people"
    name = "people"
    result = PeopleFound
    words: Annotated[str, Written(1, 50)]
    limit: Annotated[int, Field(ge=1, le=20)] = 10


@event("people", "privacy_changed", Audience.OPERATORS)
class PrivacyChanged(PersonEvent):
    """What the person keeps to themself, as it is now."""

    protected: bool
    hides_listening: bool


@register
class ChangePrivacy(Command[Person]):
    """The actor chooses; what is None stays. Refuses: person_unknown."""

    service = "people"
    name = "change_privacy"
    result = Person
    protected: bool | None = None
    hides_listening: bool | None = None


@register
class ChangeProfile(Command[Person]):
    """The actor changes their profile; what is None stays. The handle they had is free for others at once.

    Refuses: person_unknown, suspended, handle_taken, changed_too_often, invalid (a link that leads nowhere).
    """

    service = "people"
    name = "change_profile"
    result = Person
    handle: Handle | None = None
    display_name: DisplayName | None = None
    bio: Bio | None = None
    links: Links | None = None


@register
class ChangePicture(Command[Person]):
    """The actor has another picture from now on, of which the gateway made these sizes; `picture_id` is chosen by it.

    Refuses: person_unknown, suspended, changed_too_often, invalid (not all sizes there are), unavailable.
    """

    service = "people"
    name = "change_picture"
    result = Person
    picture_id: pictures.PictureId
    sizes: Annotated[tuple[PictureSize, ...], Field(max_length=len(pictures.SIDES))]
    source: PictureSource | None = None
    """Where their issuer says that it is; one that the issuer does not name any more changes nothing."""


@register
class RemovePicture(Command[Person]):
    """The actor has no picture any more; again changes nothing.

    Refuses: person_unknown, suspended, changed_too_often.
    """

    service = "people"
    name = "remove_picture"
    result = Person
