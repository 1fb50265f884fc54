"""Who may host: a policy that operators change while the instance runs. `contracts.people.hosting` decides by it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from contracts.commands import Command, Nothing, Query, register
from contracts.envelope import Audience, Event, Model, PersonId, event
from contracts.growing import Growing
from contracts.people.v1.profile import PersonEvent
from contracts.times import GivenMoment, Moment
from contracts.written import Written

INSTANCE = "instance"
"""The key of events that concern the instance and no person of it."""
Platform = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,20}$")]
Explanation = Annotated[str, Written(0, 500, lines=True)]


class WhoMayHost(Growing):
    """The kinds of rule."""

    EVERYONE = "everyone"
    FOLLOWERS = "followers"
    """People with at least `followers` followers, and those on the list."""
    LISTED = "listed"
    """People on the list that operators keep."""
    PERCENTAGE = "percentage"
    """`percentage` of all people, always the same ones, and those on the list; a higher one only adds people."""
    NOBODY = "nobody"


class HostingRule(Model):
    """One rule. Somebody suspended or protected hosts under none."""

    who: WhoMayHost = WhoMayHost.EVERYONE
    followers: Annotated[int, Field(ge=0)] = 600
    percentage: Annotated[int, Field(ge=0, le=100)] = 100


class PlatformRule(HostingRule):
    """A rule for those who come with one kind of client."""

    platform: Platform


class HostingPolicy(Model):
    """Who may host."""

    rule: HostingRule = HostingRule()
    platforms: Annotated[tuple[PlatformRule, ...], Field(max_length=20)] = ()
    """Where the person's platform is named here, that rule holds instead."""
    since: GivenMoment | None = None
    """Since when it holds; None for the one an instance begins with. Ignored in a command."""


class HostingReason(Growing):
    """Why somebody may host, or may not."""

    ALLOWED = "allowed"
    SUSPENDED = "suspended"
    PROTECTED = "protected"
    TOO_FEW_FOLLOWERS = "too_few_followers"
    NOT_LISTED = "not_listed"
    NOT_YET = "not_yet"
    """Not among the percentage."""
    PLATFORM_CLOSED = "platform_closed"
    NOBODY = "nobody"


class HostingAnswer(Model):
    """Whether a person may host."""

    person_id: PersonId
    allowed: bool
    reason: HostingReason
    sentence: str
    """For the person, saying what to do."""
    since: Moment | None = None
    """Since when the answer is this one, as far as what is known goes; None: ever since they signed up."""
    first_time: bool = True
    """They have not hosted yet: a client may explain how it is done."""


@event("people", "hosting_policy_changed", Audience.OPERATORS)
class HostingPolicyChanged(Event):
    """From now on these may host. What is live stays live."""

    version: int
    """Rises with each change of the instance's own rules."""
    policy: HostingPolicy

    @property
    def key(self) -> str:
        return INSTANCE


@event("people", "hosting_allowed", Audience.OPERATORS, Audience.PERSON, concerns=("person_id",))
class HostingAllowed(PersonEvent):
    """The person is on the list of those who may host."""


@event("people", "hosting_withdrawn", Audience.OPERATORS, Audience.PERSON, concerns=("person_id",))
class HostingWithdrawn(PersonEvent):
    """The person is on the list of those who may host no longer."""


@register
class ChangeHostingPolicy(Command[HostingPolicy]):
    """Operators choose who may host. Refuses: not_allowed."""

    service = "people"
    name = "change_hosting_policy"
    result = HostingPolicy
    policy: HostingPolicy
    explanation: Explanation = ""


class Ruling(Command[Nothing]):
    """What operators decide about one person, and why. Refuses: not_allowed, person_unknown."""

    service = "people"
    result = Nothing
    person_id: PersonId
    explanation: Explanation = ""


@register
class AllowHosting(Ruling):
    """Operators put somebody on the list of those who may host. Refuses: not_allowed, person_unknown."""

    name = "allow_hosting"


@register
class WithdrawHosting(Ruling):
    """Operators take somebody off the list of those who may host. Refuses: not_allowed, person_unknown."""

    name = "withdraw_hosting"


@register
class MayHostQuery(Query[HostingAnswer]):
    """Whether somebody may host, and why not. Refuses: person_unknown, not_allowed (neither oneself nor operator)."""

    service = "people"
    name = "may_host"
    result = HostingAnswer
    person_id: PersonId
    platform: Platform = "web"


@register
class HostingPolicyQuery(Query[HostingPolicy]):
    """The policy as it is."""

    service = "people"
    name = "hosting_policy"
    result = HostingPolicy
