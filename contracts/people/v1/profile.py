"""Profiles, and who follows and who blocks whom."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from contracts.commands import Command, Nothing, Query, register
from contracts.envelope import Audience, Event, Model, PersonId, PersonRef, event

Handle = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,15}$")]
"""Unique ignoring case."""
DisplayName = Annotated[str, StringConstraints(min_length=1, max_length=50, strip_whitespace=True)]


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

    @property
    def ref(self) -> PersonRef:
        return PersonRef(id=self.id, handle=self.handle, name=self.name)


@event("people", "registered", Audience.OPERATORS)
class Registered(PersonEvent):
    """Somebody signed up."""

    handle: str
    display_name: str


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
    """The actor follows somebody; following twice is accepted. Refuses: person_unknown, not_allowed (oneself)."""

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
    """The actor blocks somebody, account-wide. Refuses: person_unknown, not_allowed (oneself)."""

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
