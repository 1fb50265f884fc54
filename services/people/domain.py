"""A person: the profile, whom they follow, whom they block."""

from __future__ import annotations

from libs.eventstore import Fact, Meta, stored
from libs.refusal import Refusal


@stored("people.registered")
class Registered(Fact):
    """Somebody signed up."""

    handle: str
    name: str


@stored("people.followed")
class Followed(Fact):
    """The person follows somebody."""

    followee: str


@stored("people.unfollowed")
class Unfollowed(Fact):
    """The person no longer follows somebody."""

    followee: str


@stored("people.blocked")
class Blocked(Fact):
    """The person blocks somebody."""

    person: str


@stored("people.unblocked")
class Unblocked(Fact):
    """The person lifted a block."""

    person: str


class Person:
    """One person. Does not exist before `register`."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.version = 0
        self.handle = ""
        self.name = ""
        self.following: set[str] = set()
        self.blocked: set[str] = set()

    @property
    def exists(self) -> bool:
        return self.version > 0

    # -- deciding ----------------------------------------------------------------------------------------------

    def register(self, handle: str, name: str) -> list[Fact]:
        """Sign up. That no other person has the handle is not known here; see `app`."""
        if self.exists:
            raise Refusal("wrong_state", "This profile exists already.")
        return [Registered(handle=handle, name=name)]

    def follow(self, followee: str, *, followee_exists: bool, most: int) -> list[Fact]:
        """Follow somebody; nothing happens where the person does already. At most `most` people."""
        self._must_exist()
        if followee == self.id:
            raise Refusal("not_allowed", "You cannot follow yourself.")
        if followee in self.following:
            return []
        if not followee_exists:
            raise Refusal("person_unknown", "There is no such person.")
        if followee in self.blocked:
            raise Refusal("not_allowed", "You block this person; lift the block to follow them.")
        if len(self.following) >= most:
            raise Refusal("not_allowed", f"You follow {most} people already, which is the most there is.")
        return [Followed(followee=followee)]

    def unfollow(self, followee: str) -> list[Fact]:
        """Stop following somebody; nothing happens where the person does not follow them."""
        self._must_exist()
        return [Unfollowed(followee=followee)] if followee in self.following else []

    def block(self, person: str, *, person_exists: bool) -> list[Fact]:
        """Block somebody and stop following them."""
        self._must_exist()
        if person == self.id:
            raise Refusal("not_allowed", "You cannot block yourself.")
        if person in self.blocked:
            return []
        if not person_exists:
            raise Refusal("person_unknown", "There is no such person.")
        return [*self.unfollow(person), Blocked(person=person)]

    def unblock(self, person: str) -> list[Fact]:
        """Lift a block; nothing happens where there is none."""
        self._must_exist()
        return [Unblocked(person=person)] if person in self.blocked else []

    def _must_exist(self) -> None:
        if not self.exists:
            raise Refusal("person_unknown", "Sign up first.")

    # -- evolving ----------------------------------------------------------------------------------------------

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        match fact:
            case Registered(handle=handle, name=name):
                self.handle, self.name = handle, name
            case Followed(followee=followee):
                self.following.add(followee)
            case Unfollowed(followee=followee):
                self.following.discard(followee)
            case Blocked(person=person):
                self.blocked.add(person)
            case Unblocked(person=person):
                self.blocked.discard(person)
            case _:
                pass
