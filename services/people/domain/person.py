"""A person: the profile, whom they follow, whom they block, what they keep to themself, whether they may host."""

from __future__ import annotations

from datetime import datetime

import msgspec

from libs.eventstore import Fact, Meta, stored
from libs.keyring import Words
from libs.refusal import Refusal
from services.people.domain.account import Account
from services.people.domain.erasure import PersonErased
from services.people.domain.identity import Identified
from services.people.domain.profile import NO_LIMITS, Changes, PictureTakenAway, Profile, ProfileChanged, ProfileLimits


@stored("people.registered")
class Registered(Fact):
    """Somebody signed up."""

    handle: Words
    name: Words


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


@stored("people.privacy_changed")
class PrivacyChanged(Fact):
    """What the person keeps to themself, as it is from now on."""

    protected: bool
    hides_listening: bool


@stored("people.hosting_allowed")
class HostingAllowed(Fact):
    """Operators put the person on the list of those who may host."""

    explanation: Words = ""


@stored("people.hosting_withdrawn")
class HostingWithdrawn(Fact):
    """Operators took the person off the list of those who may host."""

    explanation: Words = ""


class Person(Account):
    """One person. Does not exist before `register`."""

    profile: Profile = msgspec.field(default_factory=Profile)
    following: set[str] = msgspec.field(default_factory=set)
    blocked: set[str] = msgspec.field(default_factory=set)
    protected: bool = False
    hides_listening: bool = False
    listed: bool = False
    """On the list of those who may host."""
    listed_at: datetime | None = None
    """When they came on it or went off it last."""
    identified: Identified | None = None
    """What an issuer says of them; None of who signed up here."""

    # -- deciding ----------------------------------------------------------------------------------------------

    def register(self, handle: Words, name: Words) -> list[Fact]:
        """Sign up. That no other person has the handle is not known here; see `app`."""
        if self.version:
            raise Refusal("wrong_state", "This profile exists already.")
        return [Registered(handle=handle, name=name)]

    def begin(self, *, handle: Words, name: Words, said: Identified) -> list[Fact]:
        """Register as whoever an issuer says they are."""
        private = [PrivacyChanged(protected=True, hides_listening=False)] if said.protected else []
        return [*self.register(handle, name), said, *private]

    def identify(self, said: Identified, wanted: Changes, *, now: datetime) -> list[Fact]:
        """Take over what their issuer says of them now. Nothing happens while they are suspended: then it is taken over
        later."""
        self._must_exist()
        if self.suspension is not None or said == self.identified:
            return []
        protected = [] if said.protected is None else self.change_privacy(said.protected, None)
        return [said, *self.profile.change(wanted, now=now, limits=NO_LIMITS), *protected]

    def change_profile(self, wanted: Changes, *, now: datetime, limits: ProfileLimits) -> list[Fact]:
        """Say something else of oneself. That no other person has the handle is not known here; see `app`."""
        self.must_stand_well()
        return self.profile.change(wanted, now=now, limits=limits)

    def take_picture_away(self, explanation: Words, *, now: datetime) -> list[Fact]:
        """Remove their picture, which operators do; nothing happens where there is none."""
        self._must_be_known()
        if not self.profile.picture:
            return []
        none = self.profile.change(Changes(picture=""), now=now, limits=NO_LIMITS)
        return [PictureTakenAway(explanation=explanation), *none]

    def follow(self, followee: str, *, followee_exists: bool, most: int, blocked: bool = False) -> list[Fact]:
        """Follow somebody; nothing happens where the person does already. At most `most` people. `blocked`: whether
        they are blocked by them."""
        self.must_stand_well()
        if followee == self.id:
            raise Refusal("not_allowed", "You cannot follow yourself.")
        if followee in self.following:
            return []
        if not followee_exists:
            raise Refusal("person_unknown", "There is no such person.")
        if followee in self.blocked:
            raise Refusal("not_allowed", "You block this person; lift the block to follow them.")
        if blocked:
            raise Refusal("not_allowed", "You cannot follow this person.")
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

    def change_privacy(self, protected: bool | None, hides_listening: bool | None) -> list[Fact]:
        """Choose what to keep to oneself; what is None stays."""
        self._must_exist()
        after = (
            self.protected if protected is None else protected,
            self.hides_listening if hides_listening is None else hides_listening,
        )
        if after == (self.protected, self.hides_listening):
            return []
        return [PrivacyChanged(protected=after[0], hides_listening=after[1])]

    def allow_hosting(self, explanation: Words) -> list[Fact]:
        """Put on the list; nothing happens where they are on it."""
        self._must_be_known()
        return [] if self.listed else [HostingAllowed(explanation=explanation)]

    def withdraw_hosting(self, explanation: Words) -> list[Fact]:
        """Take off the list; nothing happens where they are not on it."""
        self._must_be_known()
        return [HostingWithdrawn(explanation=explanation)] if self.listed else []

    def end_ties(self, most: int) -> list[Fact]:
        """Of who is erased: follow and block nobody any more, `most` of them at a time."""
        if self.erasure is None:
            return []
        ended: list[Fact] = [Unfollowed(followee=other) for other in sorted(self.following)]
        ended += [Unblocked(person=other) for other in sorted(self.blocked)]
        return ended[:most]

    def end_ties_to(self, person: str) -> list[Fact]:
        """Neither follow nor block somebody who is erased."""
        ended: list[Fact] = [Unfollowed(followee=person)] if person in self.following else []
        return [*ended, Unblocked(person=person)] if person in self.blocked else ended

    # -- evolving ----------------------------------------------------------------------------------------------

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        match fact:
            case Registered(handle=handle, name=name):
                self.profile.handle, self.profile.name = handle, name
                self.standing_since = meta.at
            case ProfileChanged():
                self.profile.apply(fact, meta.at)
            case Identified():
                self.identified = fact
            case Followed(followee=followee):
                self.following.add(followee)
            case Unfollowed(followee=followee):
                self.following.discard(followee)
            case Blocked(person=person):
                self.blocked.add(person)
            case Unblocked(person=person):
                self.blocked.discard(person)
            case PrivacyChanged(protected=protected, hides_listening=hides_listening):
                if protected != self.protected:
                    self.standing_since = meta.at
                self.protected, self.hides_listening = protected, hides_listening
            case HostingAllowed() | HostingWithdrawn():
                self.listed, self.listed_at = isinstance(fact, HostingAllowed), meta.at
            case PersonErased():
                Account.apply(self, fact, meta)
                self.profile, self.identified = Profile(), None
            case _:
                Account.apply(self, fact, meta)
