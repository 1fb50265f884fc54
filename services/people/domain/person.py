"""A person: the profile, whom they follow, whom they block, whether they may host, whether they are suspended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from libs.eventstore import Aggregate, Fact, Meta, stored
from libs.keyring import Words
from libs.refusal import Refusal
from services.people.domain.profile import Changes, Limits, Profile, ProfileChanged


@stored("people.registered")
class Registered(Fact):
    """Somebody signed up."""

    handle: str
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


@stored("people.suspended")
class Suspended(Fact):
    """The person is refused everywhere."""

    reason: str
    explanation: Words = ""
    report: str | None = None
    until: datetime | None = None
    """When it ends by itself."""


@stored("people.reinstated")
class Reinstated(Fact):
    """The suspension is over."""

    explanation: Words = ""
    lapsed: bool = False
    """It ended by itself."""


@stored("people.tokens_revoked")
class TokensRevoked(Fact):
    """The person took back one of their tokens, or all until then."""

    token: str | None = None


@stored("people.appealed")
class Appealed(Fact):
    """The person, suspended, asks to be heard."""

    text: Words


@stored("people.appeal_decided")
class AppealDecided(Fact):
    """Operators have heard them."""

    granted: bool
    answer: Words = ""


@dataclass(slots=True)
class Suspension:
    """Why and since when somebody is refused everywhere."""

    since: datetime
    reason: str
    explanation: Words
    until: datetime | None


@dataclass(slots=True)
class Appeal:
    """What somebody has to say about a suspension of theirs."""

    suspension: Suspension
    at: datetime
    text: Words
    granted: bool | None = None
    """None while nobody has decided."""
    lapsed: bool = False
    """The suspension ended before anybody did."""
    decided_at: datetime | None = None
    answer: Words = ""


class Person(Aggregate):
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
    suspension: Suspension | None = None
    appeal: Appeal | None = None
    """The last one."""
    appealed: bool = False
    """Whether the last appeal is against the present suspension. A snapshot does not keep that both are one object."""
    standing_since: datetime | None = None
    """When they signed up, were suspended, reinstated, became protected or ceased to be last."""

    @property
    def exists(self) -> bool:
        return self.version > 0

    # -- deciding ----------------------------------------------------------------------------------------------

    def register(self, handle: str, name: Words) -> list[Fact]:
        """Sign up. That no other person has the handle is not known here; see `app`."""
        if self.exists:
            raise Refusal("wrong_state", "This profile exists already.")
        return [Registered(handle=handle, name=name)]

    def change_profile(self, wanted: Changes, *, now: datetime, limits: Limits) -> list[Fact]:
        """Say something else of oneself. That no other person has the handle is not known here; see `app`."""
        self.must_stand_well()
        return self.profile.change(wanted, now=now, limits=limits)

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

    def suspend(
        self, reason: str, explanation: Words, report: str | None, *, until: datetime | None, now: datetime
    ) -> list[Fact]:
        """Refuse them everywhere, for ever or `until`; nothing happens where they are suspended so already."""
        self._must_be_known()
        if until is not None and until <= now:
            raise Refusal("invalid", "A suspension ends in the future.", field="until")
        if self.suspension is not None and self.suspension.until == until:
            return []
        return [Suspended(reason=reason, explanation=explanation, report=report, until=until)]

    def revoke_tokens(self, token: str | None) -> list[Fact]:
        """Take back one of their tokens, or all there are; the suspended may too."""
        self._must_exist()
        return [TokensRevoked(token=token)]

    def lapse(self, now: datetime) -> list[Fact]:
        """End a suspension whose time is over. An open appeal is decided by nobody then."""
        if self.suspension is None or self.suspension.until is None or self.suspension.until > now:
            return []
        return [Reinstated(lapsed=True)]

    def reinstate(self, explanation: Words) -> list[Fact]:
        """End their suspension; nothing happens where there is none. An open appeal is granted by it."""
        self._must_be_known()
        if self.suspension is None:
            return []
        granted = [AppealDecided(granted=True, answer=explanation)] if self._appeal_is_open else []
        return [*granted, Reinstated(explanation=explanation)]

    def lodge_appeal(self, text: Words) -> list[Fact]:
        """Ask to be heard, once for each suspension."""
        self._must_exist()
        if self.suspension is None:
            raise Refusal("wrong_state", "You are not suspended: there is nothing to appeal against.")
        if self.appealed:
            raise Refusal("wrong_state", "You have appealed against this suspension already.")
        return [Appealed(text=text)]

    def decide_appeal(self, granted: bool, answer: Words) -> list[Fact]:
        """Answer an open appeal; granting it ends the suspension."""
        self._must_be_known()
        if not self._appeal_is_open:
            raise Refusal("wrong_state", "There is no open appeal of this person.")
        if granted:
            return self.reinstate(answer)
        return [AppealDecided(granted=False, answer=answer)]

    @property
    def _appeal_is_open(self) -> bool:
        return self.appeal is not None and self.appeal.granted is None and not self.appeal.lapsed

    def must_stand_well(self) -> None:
        """Refuses: person_unknown, suspended."""
        self._must_exist()
        self._must_not_be_suspended()

    def _must_exist(self) -> None:
        if not self.exists:
            raise Refusal("person_unknown", "Sign up first.")

    def _must_not_be_suspended(self) -> None:
        if self.suspension is not None:
            raise Refusal("suspended", "Your account is suspended. You can appeal.")

    def _must_be_known(self) -> None:
        if not self.exists:
            raise Refusal("person_unknown", "There is no such person.")

    # -- evolving ----------------------------------------------------------------------------------------------

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        match fact:
            case Registered(handle=handle, name=name):
                self.profile.handle, self.profile.name = handle, name
                self.standing_since = meta.at
            case ProfileChanged():
                self.profile.apply(fact, meta.at)
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
            case Suspended(reason=reason, explanation=explanation, until=until):
                if self.suspension is None:
                    self.suspension = Suspension(meta.at, reason, explanation, until)
                else:
                    # The same one, of which an appeal may speak, with another end.
                    self.suspension.reason, self.suspension.explanation = reason, explanation
                    self.suspension.since, self.suspension.until = meta.at, until
                    if self.appeal is not None and self.appealed:
                        self.appeal.suspension = self.suspension
                self.standing_since = meta.at
            case Reinstated(lapsed=lapsed):
                if self.appeal is not None and self._appeal_is_open:
                    self.appeal.lapsed = lapsed
                self.suspension, self.appealed = None, False
                self.standing_since = meta.at
            case Appealed(text=text) if self.suspension is not None:
                self.appeal, self.appealed = Appeal(self.suspension, meta.at, text), True
            case AppealDecided(granted=granted, answer=answer) if self.appeal is not None:
                self.appeal.granted, self.appeal.decided_at, self.appeal.answer = granted, meta.at, answer
            case _:
                pass
