"""Who may host, changed while people runs."""

from __future__ import annotations

from typing import Any

import pytest

from contracts import subjects
from contracts.commands import Request
from contracts.people import v1
from libs.bus import Bus
from libs.ids import new_id
from libs.refusal import Refusal
from tests.integration.people.asking import follow, sign_up
from tests.integration.people.spaces import a_space

pytestmark = pytest.mark.usefixtures("people")


async def may(bus: Bus, person: v1.Person, platform: str = "web") -> v1.HostingAnswer:
    return (await bus.ask(v1.MayHostQuery(actor=person.id, person_id=person.id, platform=platform))).result


async def choose(bus: Bus, *platforms: v1.PlatformRule, **rule: Any) -> v1.HostingPolicy:
    policy = v1.HostingPolicy(rule=v1.HostingRule(**rule), platforms=platforms)
    command = v1.ChangeHostingPolicy(command_id=new_id(), actor=new_id(), operator=True, policy=policy)
    return (await bus.ask(command)).result


async def test_everybody_may_host_until_operators_say_otherwise(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    first = await may(bus, ann)
    assert (first.allowed, first.reason, first.first_time) == (True, "allowed", True)
    policy = await choose(bus, who="followers", followers=2)
    assert (await bus.ask(v1.HostingPolicyQuery())).result == policy
    now = await may(bus, ann)
    assert (now.allowed, now.reason, now.since) == (False, "too_few_followers", policy.since)
    assert "2 followers" in now.sentence
    for handle in ("bob", "eve"):
        await follow(bus, await sign_up(bus, handle), ann.id)
    then = await may(bus, ann)
    assert then.allowed
    assert policy.since is not None
    assert then.since is not None
    assert then.since > policy.since


async def test_the_list_and_platforms(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    await choose(bus, v1.PlatformRule(who=v1.WhoMayHost.NOBODY, platform="ios"), who="listed")
    assert (await may(bus, ann)).reason == "not_listed"
    await bus.ask(v1.AllowHosting(command_id=new_id(), actor=new_id(), operator=True, person_id=ann.id))
    assert (await may(bus, ann)).allowed
    assert (await may(bus, ann, "ios")).reason == "platform_closed"
    await bus.ask(v1.WithdrawHosting(command_id=new_id(), actor=new_id(), operator=True, person_id=ann.id))
    assert (await may(bus, ann)).reason == "not_listed"


async def test_the_protected_and_the_suspended_do_not_host(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    changed = (await bus.ask(v1.ChangePrivacy(command_id=new_id(), actor=ann.id, protected=True))).result
    assert changed.protected
    assert (await may(bus, ann)).reason == "protected"
    suspend = v1.Suspend(command_id=new_id(), actor=new_id(), operator=True, person_id=ann.id, reason="abuse")
    await bus.ask(suspend)
    assert (await may(bus, ann)).reason == "suspended"


async def test_whoever_has_hosted_is_no_beginner(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    await a_space(bus, ann)
    while (await may(bus, ann)).first_time:
        pass


async def test_only_operators_decide_and_only_they_ask_about_others(bus: Bus) -> None:
    ann, bob = await sign_up(bus, "ann"), await sign_up(bus, "bob")
    asked: list[Request[Any]] = [
        v1.ChangeHostingPolicy(command_id=new_id(), actor=ann.id, policy=v1.HostingPolicy()),
        v1.AllowHosting(command_id=new_id(), actor=ann.id, person_id=ann.id),
        v1.MayHostQuery(actor=ann.id, person_id=bob.id),
        v1.Suspend(command_id=new_id(), actor=ann.id, person_id=bob.id, reason="abuse"),
        v1.LogQuery(actor=ann.id),
    ]
    for request in asked:
        with pytest.raises(Refusal, match="not_allowed"):
            await bus.ask(request)


async def test_room_is_told(bus: Bus) -> None:
    ann = await sign_up(bus, "ann")
    policy = await choose(bus, who="percentage", percentage=10)
    async for batch in bus.follow(filters=[subjects.event("people", v1.INSTANCE, "hosting_policy_changed")]):
        assert isinstance(batch[0].event, v1.HostingPolicyChanged)
        assert batch[0].event.policy == policy
        break
    assert (await may(bus, ann)).reason in ("allowed", "not_yet")
