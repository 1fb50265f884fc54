"""Somebody who is erased: what is decided, and what is refused from then on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from libs.eventstore import Fact, Meta
from libs.refusal import Refusal
from services.people.domain.account import Appealed, Suspended
from services.people.domain.erasure import HandleFreed, PersonErased
from services.people.domain.instance import Instance, InvitationIssued, InvitationRevoked
from services.people.domain.person import Blocked, Followed, Person, Registered, Unblocked, Unfollowed
from services.people.domain.profile import Changes, ProfileLimits

NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
MONTH: Final = timedelta(days=30)


def given(*facts: Fact) -> Person:
    person = Person("ann-id")
    for fact in (Registered(handle="ann", name="Ann"), *facts):
        take(person, fact)
    return person


def take(person: Person, *facts: Fact) -> Person:
    for fact in facts:
        person.apply(fact, Meta(at=NOW))
        person.version += 1
    return person


def test_somebody_is_erased_once_and_their_handle_is_kept_from_others() -> None:
    person = given()
    erased = person.erase(now=NOW, keep_handle=MONTH)
    assert erased == [PersonErased(handle_kept_until=NOW + MONTH)]
    take(person, *erased)
    assert person.erase(now=NOW, keep_handle=MONTH) == []
    assert (person.exists, person.profile.handle, person.profile.name) == (False, "", "")
    assert person.free_handle(NOW + MONTH - timedelta(seconds=1)) == []
    assert person.free_handle(NOW + MONTH) == [HandleFreed()]
    assert take(person, HandleFreed()).free_handle(NOW + MONTH) == []


def test_a_handle_need_not_be_kept() -> None:
    person = given()
    assert person.erase(now=NOW, keep_handle=timedelta()) == [PersonErased()]
    assert take(person, PersonErased()).free_handle(NOW + MONTH) == []


def test_nobody_is_erased_who_never_signed_up() -> None:
    with pytest.raises(Refusal, match="person_unknown"):
        Person("ann-id").erase(now=NOW, keep_handle=MONTH)


@pytest.mark.parametrize(
    "decide",
    [
        lambda person: person.register("ann", "Ann"),
        lambda person: person.change_profile(Changes(bio="x"), now=NOW, limits=ProfileLimits()),
        lambda person: person.follow("bob", followee_exists=True, most=5),
        lambda person: person.unfollow("bob"),
        lambda person: person.block("bob", person_exists=True),
        lambda person: person.unblock("bob"),
        lambda person: person.change_privacy(True, None),
        lambda person: person.allow_hosting(""),
        lambda person: person.withdraw_hosting(""),
        lambda person: person.suspend("spam", "", None, until=None, now=NOW),
        lambda person: person.revoke_tokens(None, None),
        lambda person: person.reinstate(""),
        lambda person: person.lodge_appeal("x"),
        lambda person: person.decide_appeal(True, ""),
        lambda person: person.must_stand_well(),
    ],
)
def test_nothing_is_accepted_of_who_is_erased_or_about_them(decide: Callable[[Person], list[Fact]]) -> None:
    person = given(Suspended(reason="spam"), Appealed(text="No!"), PersonErased())
    with pytest.raises(Refusal, match=r"person_unknown|wrong_state"):
        decide(person)


def test_a_suspension_of_who_is_erased_ends_by_nothing() -> None:
    assert given(Suspended(reason="spam", until=NOW), PersonErased()).lapse(NOW) == []


def test_their_ties_end_some_at_a_time() -> None:
    person = given(Followed(followee="carla"), Followed(followee="bob"), Blocked(person="dora"))
    assert person.end_ties(9) == []
    take(person, PersonErased())
    ended = person.end_ties(2)
    assert ended == [Unfollowed(followee="bob"), Unfollowed(followee="carla")]
    assert take(person, *ended).end_ties(2) == [Unblocked(person="dora")]
    assert take(person, Unblocked(person="dora")).end_ties(2) == []


def test_others_have_no_ties_to_them_either_also_who_is_erased_too() -> None:
    other = given(Followed(followee="x"), Blocked(person="x"))
    assert other.end_ties_to("x") == [Unfollowed(followee="x"), Unblocked(person="x")]
    assert take(other, PersonErased()).end_ties_to("x") == [Unfollowed(followee="x"), Unblocked(person="x")]
    assert other.end_ties_to("y") == []


def test_codes_that_they_made_are_worth_nothing() -> None:
    instance = Instance("instance")
    for code, actor in (("a", "ann-id"), ("b", "bob"), ("c", "ann-id")):
        instance.apply(InvitationIssued(code=code, uses=1), Meta(at=NOW, actor=actor))
    assert instance.revoke_codes_of("ann-id") == [InvitationRevoked(code="a"), InvitationRevoked(code="c")]
    instance.apply(InvitationRevoked(code="a"), Meta(at=NOW))
    assert instance.revoke_codes_of("ann-id") == [InvitationRevoked(code="c")]
