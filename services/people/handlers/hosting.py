"""Who may host."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from contracts.commands import Accepted, Nothing
from contracts.people import v1
from contracts.people.hosting import Facts, may_host, rule_for, sentence
from libs.bus import Handlers
from libs.refusal import Refusal
from services.people.app import Hosting, Standing
from services.people.handlers.order import actor, operators_only, whole
from services.people.relay import stored_policy, wire_policy


def add(table: Handlers, hosting: Hosting, now: Callable[[], datetime]) -> None:
    """Answer for the hosting policy."""

    @table.on(v1.ChangeHostingPolicy)
    async def change_hosting_policy(command: v1.ChangeHostingPolicy) -> Accepted[v1.HostingPolicy]:
        operators_only(command)
        version, policy = await hosting.change_policy(
            whole(command, now()), stored_policy(command.policy), command.explanation
        )
        return Accepted(version=version, result=wire_policy(policy.policy, policy.since))

    @table.on(v1.AllowHosting)
    async def allow_hosting(command: v1.AllowHosting) -> Accepted[Nothing]:
        operators_only(command)
        version = await hosting.allow(whole(command, now()), command.person_id, command.explanation)
        return Accepted(version=version, result=Nothing())

    @table.on(v1.WithdrawHosting)
    async def withdraw_hosting(command: v1.WithdrawHosting) -> Accepted[Nothing]:
        operators_only(command)
        version = await hosting.withdraw(whole(command, now()), command.person_id, command.explanation)
        return Accepted(version=version, result=Nothing())

    @table.on(v1.HostingPolicyQuery)
    async def hosting_policy(query: v1.HostingPolicyQuery) -> Accepted[v1.HostingPolicy]:
        policy = await hosting.policy()
        return Accepted(result=wire_policy(policy.policy, policy.since))

    @table.on(v1.MayHostQuery)
    async def may_they_host(query: v1.MayHostQuery) -> Accepted[v1.HostingAnswer]:
        if not query.operator and query.person_id != actor(query):
            raise Refusal("not_allowed", "Whether somebody else may host is not told.")
        standing = await hosting.standing(query.person_id)
        policy = await hosting.policy()
        return Accepted(result=_answer(hosting, standing, wire_policy(policy.policy, policy.since), query.platform))


def _answer(hosting: Hosting, standing: Standing, policy: v1.HostingPolicy, platform: str) -> v1.HostingAnswer:
    facts = Facts(standing.person_id, standing.followers, standing.listed, standing.protected, standing.suspended)
    reason = may_host(policy, facts, platform)
    rule = rule_for(policy, platform)
    return v1.HostingAnswer(
        person_id=standing.person_id,
        allowed=reason is v1.HostingReason.ALLOWED,
        reason=reason,
        sentence=sentence(reason, rule),
        since=_since(hosting, standing, policy, rule, reason),
        first_time=not standing.hosted_before,
    )


def _since(
    hosting: Hosting, standing: Standing, policy: v1.HostingPolicy, rule: v1.HostingRule, reason: v1.HostingReason
) -> datetime | None:
    """The last of the moments that together made the answer what it is."""
    moments = [standing.since]
    if reason not in (v1.HostingReason.SUSPENDED, v1.HostingReason.PROTECTED):
        moments.append(policy.since)
        if rule.who not in (v1.WhoMayHost.EVERYONE, v1.WhoMayHost.NOBODY):
            moments.append(standing.listed_at)
        if rule.who is v1.WhoMayHost.FOLLOWERS and reason is v1.HostingReason.ALLOWED and not standing.listed:
            moments.append(hosting.reached(standing.person_id, rule.followers))
    return max((moment for moment in moments if moment is not None), default=None)
