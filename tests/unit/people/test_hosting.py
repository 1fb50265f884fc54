"""Who may host: the rules, one by one."""

from __future__ import annotations

import pytest

from contracts.people.hosting import Facts, may_host, percentile, rule_for, sentence
from contracts.people.v1 import HostingPolicy, HostingReason, HostingRule, PlatformRule, WhoMayHost
from libs.ids import new_id

ANN = "01jd3v8q2m7x4k9t6r5w0yabcd"


def policy(who: WhoMayHost, followers: int = 600, percentage: int = 100) -> HostingPolicy:
    return HostingPolicy(rule=HostingRule(who=who, followers=followers, percentage=percentage))


@pytest.mark.parametrize(
    ("who", "facts", "reason"),
    [
        (WhoMayHost.EVERYONE, Facts(ANN), "allowed"),
        (WhoMayHost.EVERYONE, Facts(ANN, protected=True), "protected"),
        (WhoMayHost.EVERYONE, Facts(ANN, suspended=True, protected=True), "suspended"),
        (WhoMayHost.FOLLOWERS, Facts(ANN, followers=599), "too_few_followers"),
        (WhoMayHost.FOLLOWERS, Facts(ANN, followers=600), "allowed"),
        (WhoMayHost.FOLLOWERS, Facts(ANN, listed=True), "allowed"),
        (WhoMayHost.FOLLOWERS, Facts(ANN, listed=True, protected=True), "protected"),
        (WhoMayHost.LISTED, Facts(ANN, followers=10_000), "not_listed"),
        (WhoMayHost.LISTED, Facts(ANN, listed=True), "allowed"),
        (WhoMayHost.NOBODY, Facts(ANN, listed=True), "nobody"),
    ],
)
def test_a_rule(who: WhoMayHost, facts: Facts, reason: str) -> None:
    answer = may_host(policy(who), facts)
    assert answer == reason
    assert sentence(answer, policy(who).rule)


def test_a_percentage_takes_that_share_of_people_and_a_higher_one_only_adds() -> None:
    people = [new_id() for _ in range(4000)]
    allowed = [
        {one for one in people if may_host(policy(WhoMayHost.PERCENTAGE, percentage=p), Facts(one)) == "allowed"}
        for p in (0, 10, 50, 100)
    ]
    assert not allowed[0]
    assert allowed[0] < allowed[1] < allowed[2] < allowed[3] == set(people)
    assert len(allowed[1]) == pytest.approx(400, rel=0.3)
    assert len(allowed[2]) == pytest.approx(2000, rel=0.1)


def test_a_person_has_the_same_place_for_ever() -> None:
    assert percentile(ANN) == 23


def test_a_platform_has_a_rule_of_its_own() -> None:
    closed = HostingPolicy(platforms=(PlatformRule(who=WhoMayHost.NOBODY, platform="ios"),))
    assert may_host(closed, Facts(ANN), "web") == HostingReason.ALLOWED
    assert may_host(closed, Facts(ANN), "ios") == HostingReason.PLATFORM_CLOSED
    assert rule_for(closed, "ios").who is WhoMayHost.NOBODY
