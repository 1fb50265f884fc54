"""The instance's own rules: who may host, who may sign up, what its operators ended or passed over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from libs.eventstore import Aggregate, Fact, Meta, stored
from libs.keyring import Words
from libs.refusal import Refusal


class HostingRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rule of who may host."""

    who: str = "everyone"
    followers: int = 600
    percentage: int = 100


class PlatformRule(HostingRule, frozen=True, kw_only=True, omit_defaults=True):
    """A rule for one kind of client."""

    platform: str


class HostingPolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who may host."""

    rule: HostingRule = HostingRule()
    platforms: tuple[PlatformRule, ...] = ()


@stored("people.hosting_policy_changed")
class HostingPolicyChanged(Fact):
    """From now on these may host."""

    policy: HostingPolicy
    before: HostingPolicy
    """The policy until now, which is what undoing it sets."""
    explanation: str = ""
    undoes: str = ""
    """The entry of the log that this takes back."""


@stored("people.invitation_issued")
class InvitationIssued(Fact):
    """There is a code to sign up with."""

    code: str
    uses: int
    expires_at: datetime | None = None
    note: str = ""


@stored("people.invitation_revoked")
class InvitationRevoked(Fact):
    """A code is worth nothing any more."""

    code: str


@stored("people.space_end_ordered")
class SpaceEndOrdered(Fact):
    """Operators end a Space."""

    space: str
    reason: str
    explanation: Words = ""
    """Plain where an earlier version stored it."""
    report: str | None = None
    lock: str = ""
    """What the explanation is sealed under."""


@stored("people.tokens_revoked_by_operators")
class TokensRevokedByOperators(Fact):
    """Operators took back one token of somebody, or all until then; that person may never have signed up here."""

    person: str
    token: str | None = None
    expires: datetime | None = None
    """When that one ends by itself; None in facts of earlier versions."""


@stored("people.event_passed_over")
class EventPassedOver(Fact):
    """Operators let the readers of an event that cannot be read go on without it."""

    event: str
    explanation: str = ""


@stored("people.data_exported")
class DataExported(Fact):
    """Operators had a copy made of everything there is about somebody."""

    person: str


@dataclass(slots=True)
class Invitation:
    """A code, and with how many people it may be used; who used it is a matter of claims, see `app`."""

    code: str
    uses: int
    expires_at: datetime | None
    note: str
    revoked: bool = False
    issued_by: str | None = None


class Instance(Aggregate):
    """The one of its kind; it exists from the beginning, with the rules of a fresh instance."""

    policy: HostingPolicy = HostingPolicy()
    policy_since: datetime | None = None
    policy_before: HostingPolicy = HostingPolicy()
    policy_version: int = 0
    """This aggregate's version at the last change of the policy."""
    invitations: dict[str, Invitation] = msgspec.field(default_factory=dict)
    """In order of issue."""

    passed_over: set[str] = msgspec.field(default_factory=set)
    """Events that readers go on without."""

    # -- deciding ----------------------------------------------------------------------------------------------

    def change_policy(self, policy: HostingPolicy, explanation: str, undoes: str = "") -> list[Fact]:
        """Choose who may host; the policy that holds already changes nothing."""
        if policy == self.policy:
            return []
        return [HostingPolicyChanged(policy=policy, before=self.policy, explanation=explanation, undoes=undoes)]

    def undo_policy(self, version: int, entry: str, explanation: str) -> list[Fact]:
        """Go back to the policy before the change of that version, unless it was changed again since."""
        if self.policy_version != version:
            raise Refusal("wrong_state", "The policy was changed again since; choose the one you want.")
        return self.change_policy(self.policy_before, explanation, undoes=entry)

    def issue(self, code: str, uses: int, expires_at: datetime | None, note: str) -> list[Fact]:
        """Make a code."""
        return [InvitationIssued(code=code, uses=uses, expires_at=expires_at, note=note)]

    def revoke(self, code: str) -> list[Fact]:
        """Make a code worthless; again changes nothing."""
        invitation = self.invitations.get(code)
        if invitation is None:
            raise Refusal("invitation_unknown", "There is no such code.")
        return [] if invitation.revoked else [InvitationRevoked(code=code)]

    def revoke_codes_of(self, person: str) -> list[Fact]:
        """Make all codes worthless that somebody made."""
        codes = [one.code for one in self.invitations.values() if one.issued_by == person and not one.revoked]
        return [InvitationRevoked(code=code) for code in codes]

    def order_end(self, space: str, reason: str, explanation: Words, report: str | None, lock: str) -> list[Fact]:
        """Put on record that a Space is ended."""
        return [SpaceEndOrdered(space=space, reason=reason, explanation=explanation, report=report, lock=lock)]

    def revoke_tokens(self, person: str, token: str | None, expires: datetime | None) -> list[Fact]:
        """Take back one token of somebody, which ends by itself at `expires`, or all there are."""
        return [TokensRevokedByOperators(person=person, token=token, expires=expires)]

    def pass_over(self, event: str, explanation: str) -> list[Fact]:
        """Let readers go on without an event; again changes nothing."""
        return [] if event in self.passed_over else [EventPassedOver(event=event, explanation=explanation)]

    def export(self, person: str) -> list[Fact]:
        """Put on record that a copy of somebody's data is made."""
        return [DataExported(person=person)]

    # -- evolving ----------------------------------------------------------------------------------------------

    def apply(self, fact: Fact, meta: Meta) -> None:
        """Take in what happened."""
        match fact:
            case HostingPolicyChanged(policy=policy, before=before):
                self.policy, self.policy_since, self.policy_before = policy, meta.at, before
                self.policy_version = self.version
            case InvitationIssued(code=code, uses=uses, expires_at=expires_at, note=note):
                self.invitations[code] = Invitation(code, uses, expires_at, note, issued_by=meta.actor)
            case InvitationRevoked(code=code):
                self.invitations[code].revoked = True
            case EventPassedOver(event=event):
                self.passed_over.add(event)
            case _:
                pass
