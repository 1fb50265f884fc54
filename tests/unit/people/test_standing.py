"""Suspension, appeal, privacy and the list of hosts. Given these facts, when this command, then these facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from libs.eventstore import Fact, Meta
from libs.eventstore.snapshots import freeze, thaw
from libs.refusal import Refusal
from services.people.domain.account import AppealDecided, Appealed, Reinstated, Suspended
from services.people.domain.person import HostingAllowed, HostingWithdrawn, Person, PrivacyChanged
from tests.unit.people.test_domain import ANN, given

SUSPENDED = Suspended(reason="abuse", explanation="Threats.")
APPEALED = Appealed(text="Not me.")


NOW = datetime(2026, 5, 4, 18, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=7)
FOR_A_WEEK = Suspended(reason="abuse", until=LATER)


def test_somebody_is_suspended_once() -> None:
    assert given(ANN).suspend("abuse", "Threats.", None, until=None, now=NOW) == [SUSPENDED]
    assert given(ANN, SUSPENDED).suspend("spam", "", None, until=None, now=NOW) == []


def test_a_suspension_for_a_time_ends_by_itself_once() -> None:
    assert given(ANN).suspend("abuse", "", None, until=LATER, now=NOW) == [FOR_A_WEEK]
    assert given(ANN, FOR_A_WEEK).lapse(LATER - timedelta(seconds=1)) == []
    assert given(ANN, FOR_A_WEEK).lapse(LATER) == [Reinstated(lapsed=True)]
    assert given(ANN, FOR_A_WEEK, Reinstated(lapsed=True)).lapse(LATER) == []
    assert given(ANN, SUSPENDED).lapse(LATER) == []


def test_a_suspension_gets_another_end_and_none_in_the_past() -> None:
    with pytest.raises(Refusal, match="invalid"):
        given(ANN).suspend("abuse", "", None, until=NOW, now=NOW)
    assert given(ANN, FOR_A_WEEK).suspend("abuse", "", None, until=LATER, now=NOW) == []
    for_ever = given(ANN, FOR_A_WEEK, *given(ANN, FOR_A_WEEK).suspend("abuse", "", None, until=None, now=NOW))
    assert for_ever.lapse(LATER) == []
    assert for_ever.suspension is not None


def test_an_appeal_that_nobody_heard_lapses_with_the_suspension_and_the_next_has_its_own() -> None:
    person = given(ANN, FOR_A_WEEK, APPEALED, Suspended(reason="spam", until=LATER + timedelta(days=1)))
    with pytest.raises(Refusal, match="wrong_state"):
        person.lodge_appeal("Again.")
    over = given(ANN, FOR_A_WEEK, APPEALED, Reinstated(lapsed=True))
    assert over.appeal is not None
    assert (over.appeal.lapsed, over.appeal.granted) == (True, None)
    with pytest.raises(Refusal, match="wrong_state"):
        over.decide_appeal(True, "")
    assert given(ANN, FOR_A_WEEK, APPEALED, Reinstated(lapsed=True), SUSPENDED).lodge_appeal("Not me.") == [APPEALED]


def test_the_suspended_follow_nobody_and_may_block() -> None:
    with pytest.raises(Refusal, match="suspended"):
        given(ANN, SUSPENDED).follow("bob", followee_exists=True, most=9)
    assert given(ANN, SUSPENDED).block("bob", person_exists=True)


def test_a_suspension_ends_once() -> None:
    assert given(ANN, SUSPENDED).reinstate("") == [Reinstated()]
    assert given(ANN, SUSPENDED, Reinstated()).reinstate("") == []


def test_an_appeal_is_granted_and_ends_the_suspension() -> None:
    assert given(ANN, SUSPENDED).lodge_appeal("Not me.") == [APPEALED]
    granted = given(ANN, SUSPENDED, APPEALED).decide_appeal(True, "Indeed.")
    assert granted == [AppealDecided(granted=True, answer="Indeed."), Reinstated(explanation="Indeed.")]


def test_an_appeal_is_rejected_and_the_suspension_stays() -> None:
    rejected = AppealDecided(granted=False, answer="It was.")
    assert given(ANN, SUSPENDED, APPEALED).decide_appeal(False, "It was.") == [rejected]
    assert given(ANN, SUSPENDED, APPEALED, rejected).suspension is not None


def test_reinstating_somebody_grants_their_open_appeal() -> None:
    facts = given(ANN, SUSPENDED, APPEALED).reinstate("Sorry.")
    assert facts == [AppealDecided(granted=True, answer="Sorry."), Reinstated(explanation="Sorry.")]


@pytest.mark.parametrize(
    "before",
    [(ANN,), (ANN, SUSPENDED, APPEALED), (ANN, SUSPENDED, APPEALED, AppealDecided(granted=False))],
    ids=["not suspended", "has appealed", "was rejected"],
)
def test_one_appeal_for_each_suspension(before: tuple[Fact, ...]) -> None:
    with pytest.raises(Refusal, match="wrong_state"):
        given(*before).lodge_appeal("Please.")


def test_somebody_who_is_read_from_a_snapshot_has_appealed_all_the_same() -> None:
    kept = freeze(given(ANN, FOR_A_WEEK, APPEALED))
    assert kept is not None
    person = thaw(kept, Person("ann"))
    assert person is not None
    with pytest.raises(Refusal, match="wrong_state"):
        person.lodge_appeal("Please.")
    person.apply(SUSPENDED, Meta(at=LATER))
    assert person.appeal is not None
    assert person.appeal.suspension.until is None


def test_another_suspension_has_another_appeal() -> None:
    again = given(ANN, SUSPENDED, APPEALED, AppealDecided(granted=True), Reinstated(), SUSPENDED)
    assert again.lodge_appeal("Again not me.") == [Appealed(text="Again not me.")]


def test_no_appeal_is_decided_that_is_not_open() -> None:
    for person in (given(ANN, SUSPENDED), given(ANN, SUSPENDED, APPEALED, AppealDecided(granted=False))):
        with pytest.raises(Refusal, match="wrong_state"):
            person.decide_appeal(True, "")


def test_privacy_changes_by_what_is_given() -> None:
    assert given(ANN).change_privacy(True, None) == [PrivacyChanged(protected=True, hides_listening=False)]
    assert given(ANN).change_privacy(None, True) == [PrivacyChanged(protected=False, hides_listening=True)]
    assert given(ANN).change_privacy(None, False) == []


def test_the_list_of_hosts() -> None:
    assert given(ANN).allow_hosting("") == [HostingAllowed()]
    assert given(ANN, HostingAllowed()).allow_hosting("") == []
    assert given(ANN, HostingAllowed()).withdraw_hosting("") == [HostingWithdrawn()]
    assert given(ANN).withdraw_hosting("") == []


def test_nobody_unknown_is_suspended_or_listed() -> None:
    for decide in (given().reinstate, given().allow_hosting, given().withdraw_hosting):
        with pytest.raises(Refusal, match="person_unknown"):
            decide("")
