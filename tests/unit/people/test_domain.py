"""Given these facts, when this command, then these facts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from libs.eventstore import Fact, Meta
from libs.refusal import Refusal
from services.people.domain.person import Blocked, Followed, Person, Registered, Unblocked, Unfollowed

ANN = Registered(handle="ann", name="Ann")


def given(*facts: Fact) -> Person:
    person = Person("ann-id")
    for fact in facts:
        person.apply(fact, Meta(at=datetime(2026, 1, 1, tzinfo=UTC)))
        person.version += 1
    return person


def test_somebody_signs_up() -> None:
    assert given().register("ann", "Ann") == [ANN]


def test_a_profile_is_made_once() -> None:
    with pytest.raises(Refusal, match="wrong_state"):
        given(ANN).register("ann2", "Ann")


def test_following_somebody() -> None:
    assert given(ANN).follow("bob", followee_exists=True, most=10) == [Followed(followee="bob")]


def test_following_twice_changes_nothing() -> None:
    assert given(ANN, Followed(followee="bob")).follow("bob", followee_exists=True, most=10) == []


def test_following_again_after_unfollowing() -> None:
    facts = given(ANN, Followed(followee="bob"), Unfollowed(followee="bob")).follow("bob", followee_exists=True, most=1)
    assert facts == [Followed(followee="bob")]


@pytest.mark.parametrize(
    ("before", "followee", "exists", "reason"),
    [
        ((ANN,), "ann-id", True, "not_allowed"),
        ((ANN,), "nobody", False, "person_unknown"),
        ((), "bob", True, "person_unknown"),
        ((ANN, Blocked(person="bob")), "bob", True, "not_allowed"),
        ((ANN, Followed(followee="eve")), "bob", True, "not_allowed"),
    ],
    ids=["oneself", "nobody", "without a profile", "somebody one blocks", "more than allowed"],
)
def test_not_following(before: tuple[Fact, ...], followee: str, exists: bool, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        given(*before).follow(followee, followee_exists=exists, most=1)
    assert refused.value.reason == reason


def test_unfollowing_somebody_one_does_not_follow_changes_nothing() -> None:
    assert given(ANN).unfollow("bob") == []


def test_blocking_somebody_ends_following_them() -> None:
    facts = given(ANN, Followed(followee="bob")).block("bob", person_exists=True)
    assert facts == [Unfollowed(followee="bob"), Blocked(person="bob")]


def test_blocking_twice_changes_nothing() -> None:
    assert given(ANN, Blocked(person="bob")).block("bob", person_exists=True) == []


def test_a_block_is_lifted_once() -> None:
    assert given(ANN, Blocked(person="bob")).unblock("bob") == [Unblocked(person="bob")]
    assert given(ANN, Blocked(person="bob"), Unblocked(person="bob")).unblock("bob") == []


def test_nobody_blocks_themself() -> None:
    with pytest.raises(Refusal, match="not_allowed"):
        given(ANN).block("ann-id", person_exists=True)
