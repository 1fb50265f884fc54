"""Whether somebody may host, by the policy and what is known of them.

Used by people, who answers the question, and by whoever must decide it on a projection of its own. Pure: no I/O.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from contracts.people.v1 import HostingPolicy, HostingReason, HostingRule, WhoMayHost


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a person that decides whether they may host."""

    person_id: str
    followers: int = 0
    listed: bool = False
    """On the list: `hosting_allowed` and not `hosting_withdrawn` since."""
    protected: bool = False
    suspended: bool = False


def rule_for(policy: HostingPolicy, platform: str) -> HostingRule:
    """The rule that holds for those who come with this kind of client."""
    return next((rule for rule in policy.platforms if rule.platform == platform), policy.rule)


def may_host(policy: HostingPolicy, facts: Facts, platform: str = "web") -> HostingReason:
    """`ALLOWED`, or why not."""
    if facts.suspended:
        return HostingReason.SUSPENDED
    if facts.protected:
        return HostingReason.PROTECTED
    rule = rule_for(policy, platform)
    if rule.who is WhoMayHost.NOBODY or not rule.who.known:  # a rule of a later version: whom it lets is not known here
        return HostingReason.NOBODY if rule is policy.rule else HostingReason.PLATFORM_CLOSED
    if rule.who is WhoMayHost.EVERYONE or facts.listed:
        return HostingReason.ALLOWED
    if rule.who is WhoMayHost.LISTED:
        return HostingReason.NOT_LISTED
    if rule.who is WhoMayHost.FOLLOWERS:
        return HostingReason.ALLOWED if facts.followers >= rule.followers else HostingReason.TOO_FEW_FOLLOWERS
    return HostingReason.ALLOWED if percentile(facts.person_id) < rule.percentage else HostingReason.NOT_YET


def percentile(person_id: str) -> int:
    """0 to 99, the same for a person for ever, evenly spread over people."""
    return int.from_bytes(hashlib.blake2b(person_id.encode(), digest_size=8).digest()) % 100


def sentence(reason: HostingReason, rule: HostingRule) -> str:
    """The answer for the person, saying what to do."""
    match reason:
        case HostingReason.ALLOWED:
            return "You can host."
        case HostingReason.SUSPENDED:
            return "Your account is suspended. You can appeal."
        case HostingReason.PROTECTED:
            return "Protected accounts cannot host; end the protection to host. You can listen and speak."
        case HostingReason.TOO_FEW_FOLLOWERS:
            return f"Hosting takes {rule.followers} followers for now. You can listen and speak."
        case HostingReason.NOT_LISTED:
            return "Hosting is by invitation of those who run this place for now. You can listen and speak."
        case HostingReason.NOT_YET:
            return "Hosting is being opened step by step, and it is not your turn yet. You can listen and speak."
        case HostingReason.PLATFORM_CLOSED:
            return "Hosting is not possible from this kind of client; try another one. You can listen and speak."
        case HostingReason.NOBODY:
            return "Nobody can host here for now. You can listen and speak."
