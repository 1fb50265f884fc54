"""What a person says of themself, and how often they may say something else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from libs.eventstore import Fact, Meta
from libs.refusal import Refusal
from services.people.domain.account import Suspended
from services.people.domain.person import Person, Registered
from services.people.domain.profile import Changes, Often, ProfileChanged, ProfileLimits, tidy

DAY: Final = timedelta(days=1)
NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)
LIMITS: Final = ProfileLimits(handles=Often(2, 30 * DAY), profiles=Often(3, DAY))


def given(*facts: Fact) -> Person:
    person = Person("ann-id")
    for fact in (Registered(handle="ann", name="Ann"), *facts):
        person.apply(fact, Meta(at=NOW))
        person.version += 1
    return person


def change(person: Person, at: datetime = NOW, **wanted: object) -> list[Fact]:
    """Decide and take in what was decided."""
    facts = person.change_profile(Changes(**wanted), now=at, limits=LIMITS)  # type: ignore[arg-type]
    for fact in facts:
        person.apply(fact, Meta(at=at))
    return facts


def test_what_is_not_said_stays() -> None:
    person = given()
    assert change(person, bio="Bees.") == [ProfileChanged(handle="ann", name="Ann", bio="Bees.")]
    assert change(person, handle="anna") == [ProfileChanged(handle="anna", name="Ann", bio="Bees.")]
    assert change(person, name="Anna") == [ProfileChanged(handle="anna", name="Anna", bio="Bees.")]
    assert (person.profile.handle, person.profile.name, person.profile.bio) == ("anna", "Anna", "Bees.")


def test_saying_the_same_again_changes_nothing() -> None:
    person = given()
    change(person, bio="Bees.", links=("https://example.org/",))
    assert change(person, handle="ann", name="Ann", bio="Bees.", links=("https://example.org/",)) == []


def test_links_are_kept_as_pins_are_and_each_once() -> None:
    links = tidy(("HTTPS://Example.ORG", "https://example.org/", "https://bücher.example/a"))
    assert links == ("https://example.org/", "https://xn--bcher-kva.example/a")
    with pytest.raises(Refusal, match="invalid"):
        tidy(("https://bank.example@evil.example/",))


def test_a_handle_is_changed_so_often_and_again_when_the_first_change_is_long_ago() -> None:
    person = given()
    change(person, NOW, handle="b")
    change(person, NOW + 2 * DAY, handle="c")
    with pytest.raises(Refusal, match="changed_too_often") as refused:
        change(person, NOW + 4 * DAY, handle="d")
    assert "31 January 2026, 12:00" in refused.value.detail
    change(person, NOW + 4 * DAY, name="Another name")
    assert change(person, NOW + 30 * DAY, handle="d") != []


def test_a_profile_is_changed_so_often_in_a_day() -> None:
    person = given()
    for n in range(3):
        change(person, bio=f"{n}")
    with pytest.raises(Refusal, match="changed_too_often"):
        change(person, bio="again")
    assert change(person, NOW + DAY, bio="again") != []


def test_where_nobody_may_change_their_handle_they_are_told_so() -> None:
    with pytest.raises(Refusal, match="changed_too_often") as refused:
        given().change_profile(Changes(handle="b"), now=NOW, limits=ProfileLimits(handles=Often(0, 30 * DAY)))
    assert refused.value.detail == "Nobody can change their handle here."


def test_who_is_suspended_cannot_change_it() -> None:
    with pytest.raises(Refusal, match="suspended"):
        change(given(Suspended(reason="spam")), name="Somebody else")


def test_who_has_not_signed_up_cannot_change_it() -> None:
    with pytest.raises(Refusal, match="person_unknown"):
        Person("nobody").change_profile(Changes(name="x"), now=NOW, limits=LIMITS)
