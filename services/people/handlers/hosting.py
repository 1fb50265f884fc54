"""Who may host."""

from __future__ import annotations

from datetime import datetime

from contracts.commands import Accepted
from contracts.people import v1
from contracts.people.hosting import Facts, may_host, rule_for, sentence
from libs.bus import Handlers
from libs.commands import Executor, Rows
from libs.refusal import Refusal
from services.people.app.hosting import Hosting, InForce, Standing, in_force
from services.people.app.moderation import Moderators
from services.people.domain.entities import INSTANCE, Entity
from services.people.domain.instance import Instance
from services.people.domain.person import Person
from services.people.handlers.access import actor, operators_only
from services.people.translation import stored_policy, wire_policy


def add(table: Handlers, executor: Executor[Entity], hosting: Hosting, moderators: Moderators) -> None:
    """Answer for the hosting policy."""

    rows = Rows(table, executor)

    rows.on(
        v1.ChangeHostingPolicy,
        Instance,
        lambda _: INSTANCE,
        lambda instance, c: instance.change_policy(stored_policy(c.policy), c.explanation),
        lambda instance, _: _wire(in_force(instance)),
        allowed=operators_only,
    )
    rows.on(
        v1.AllowHosting,
        Person,
        lambda c: c.person_id,
        lambda person, c: person.allow_hosting(moderators.about(c.person_id, c.explanation)),
        allowed=operators_only,
    )
    rows.on(
        v1.WithdrawHosting,
        Person,
        lambda c: c.person_id,
        lambda person, c: person.withdraw_hosting(moderators.about(c.person_id, c.explanation)),
        allowed=operators_only,
    )

    @table.on(v1.HostingPolicyQuery)
    async def hosting_policy(query: v1.HostingPolicyQuery) -> Accepted[v1.HostingPolicy]:
        policy = await hosting.policy()
        return Accepted(result=_wire(policy))

    @table.on(v1.MayHostQuery)
    async def may_they_host(query: v1.MayHostQuery) -> Accepted[v1.HostingAnswer]:
        if not query.operator and query.person_id != actor(query):
            raise Refusal("not_allowed", "Whether somebody else may host is not told.")
        standing = await hosting.standing(query.person_id)
        policy = await hosting.policy()
        return Accepted(result=_answer(hosting, standing, _wire(policy), query.platform))


def _wire(policy: InForce) -> v1.HostingPolicy:
    return wire_policy(policy.policy, policy.since)


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
            moments.append(hosting.follows.reached(standing.person_id, rule.followers))
    return max((moment for moment in moments if moment is not None), default=None)
