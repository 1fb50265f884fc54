"""Who is there, by leases."""

import time
from datetime import UTC, datetime

from services.room.app.session_leases import Lease, SessionEnded, SessionLeases

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def lease(
    session: str, person: str | None = None, space: str = "s", *, hidden: bool = False, holder: str = "gateway"
) -> Lease:
    """A session that has an event stream."""
    return Lease(space, session, person, AT, "web", "link", hidden, holders=(holder,) if holder else ())


def test_two_devices_of_one_person_are_one_person() -> None:
    presence = SessionLeases(15)
    presence.open(lease("a", "ann"), 0)
    presence.open(lease("b", "ann"), 0)
    presence.open(lease("c"), 0)
    presence.open(lease("d"), 0)
    assert presence.count("s", ()) == (3, 0)
    presence.close("s", "a", AT)
    assert presence.count("s", ()) == (3, 0)
    presence.close("s", "b", AT)
    assert presence.count("s", ()) == (2, 0)


def test_people_on_stage_are_no_listeners() -> None:
    presence = SessionLeases(15)
    for session, person in (("a", "ann"), ("b", "bob"), ("c", "cid")):
        presence.open(lease(session, person), 0)
    assert presence.count("s", ("ann", "bob", "away")) == (1, 2)


def test_opening_twice_is_opening_once() -> None:
    presence = SessionLeases(15)
    assert presence.open(lease("a", "ann"), 0)
    assert not presence.open(lease("a", "ann"), 1)
    assert presence.count("s", ()) == (1, 0)


def test_a_session_that_nobody_renews_lapses_and_the_renewed_one_lives() -> None:
    presence = SessionLeases(15)
    presence.open(lease("a", "ann"), 0)
    presence.open(lease("b", "bob"), 0)
    assert presence.renew("s", "a", 10, "gateway")
    assert presence.lapse(14.9, AT) == []
    gone = presence.lapse(15, AT)
    assert [(end.lease.session_id, end.lapsed) for end in gone] == [("b", True)]
    assert presence.count("s", ()) == (1, 0)
    assert [end.lease.session_id for end in presence.lapse(25, AT)] == ["a"]
    assert presence.count("s", ()) == (0, 0)


def test_leaving_twice_is_leaving_once() -> None:
    presence = SessionLeases(15)
    presence.open(lease("a", "ann"), 0)
    assert isinstance(presence.close("s", "a", AT), SessionEnded)
    assert presence.close("s", "a", AT) is None
    assert presence.close("unknown", "a", AT) is None
    assert presence.sessions == 0


def test_a_removed_person_loses_every_session_there_and_none_elsewhere() -> None:
    presence = SessionLeases(15)
    presence.open(lease("a", "ann"), 0)
    presence.open(lease("b", "ann"), 0)
    presence.open(lease("c", "ann", space="other"), 0)
    assert len(presence.close_person("s", "ann", AT)) == 2
    assert presence.count("s", ()) == (0, 0)
    assert presence.count("other", ()) == (1, 0)


def test_counts_are_told_when_they_changed_and_not_too_often() -> None:
    presence = SessionLeases(15)
    presence.open(lease("a", "ann"), 0)
    assert presence.due(0, 1.0) == ["s"]
    assert presence.told("s", (1, 0), 0)
    assert presence.due(5, 1.0) == []
    presence.open(lease("b", "bob"), 5.0)
    assert presence.due(5.0, 1.0) == ["s"]
    assert presence.told("s", (2, 0), 5.0)
    presence.open(lease("c", "cid"), 5.5)
    assert presence.due(5.9, 1.0) == []
    assert presence.due(6.0, 1.0) == ["s"]
    assert not presence.told("s", (2, 0), 6.0), "the same counts are not told again"


def test_the_last_one_to_leave_is_told_too() -> None:
    presence = SessionLeases(15)
    presence.open(lease("a", "ann"), 0)
    presence.told("s", (1, 0), 0)
    presence.close("s", "a", AT)
    assert presence.due(2, 1.0) == ["s"]
    assert presence.told("s", (0, 0), 2)
    assert presence.due(9, 1.0) == []


def test_a_hundred_thousand_listeners_are_counted_from_their_leases() -> None:
    presence = SessionLeases(15)
    for number in range(100_000):
        presence.open(lease(f"n{number}"), number / 100_000)
    assert presence.count("s", ()) == (100_000, 0)
    assert len(presence.lapse(15.5, AT)) == 50_001
    assert presence.count("s", ()) == (49_999, 0)


def test_a_lost_partition_is_forgotten_without_anybody_leaving() -> None:
    presence = SessionLeases(15)
    presence.open(lease("a", "ann"), 0)
    presence.open(lease("b", "ann", space="other"), 0)
    presence.forget(lambda space_id: space_id == "s")
    assert presence.count("s", ()) == (0, 0)
    assert presence.lapse(100, AT)[0].lease.space_id == "other"


def test_a_hundred_thousand_people_come_are_listed_in_pages_and_vanish_within_one_lease() -> None:
    presence = SessionLeases(15)
    people = [f"{number:06}" for number in range(100_000)]
    began = time.process_time()
    for person in people:
        presence.open(lease(person, person), 0)
    presence.open(lease("shy", "shy", hidden=True), 10)
    assert presence.count("s", ()) == (100_001, 0)
    assert presence.sessions == 100_001
    assert presence.page("s", "", 3) == people[:3]
    assert presence.page("s", people[-3], 10) == people[-2:]
    assert presence.lapse(14.9, AT) == []
    assert len(presence.lapse(15, AT)) == 100_000
    assert presence.count("s", ()) == (1, 0)
    assert presence.due(15, 1.0) == ["s"], "and it is told at once"
    assert presence.page("s", "", 10) == []
    assert time.process_time() - began < 10


def test_a_page_follows_the_one_before_whoever_comes_and_goes_meanwhile() -> None:
    presence = SessionLeases(15)
    for person in "bdf":
        presence.open(lease(person, person), 0)
    first = presence.page("s", "", 2)
    presence.open(lease("a", "a"), 1)
    presence.open(lease("e", "e"), 1)
    presence.close("s", "d", AT)
    assert (first, presence.page("s", first[-1], 2), presence.page("nowhere", "", 2)) == (["b", "d"], ["e", "f"], [])


def test_a_person_with_an_open_and_a_hidden_session_is_listed_while_the_open_one_lives() -> None:
    presence = SessionLeases(15)
    presence.open(lease("a", "ann", hidden=True), 0)
    presence.open(lease("b", "ann"), 0)
    assert presence.page("s", "", 5) == ["ann"]
    presence.close("s", "b", AT)
    assert presence.page("s", "", 5) == []
    assert presence.is_there("s", "ann")
    assert presence.count("s", ()) == (1, 0)


def test_it_is_known_where_somebody_came_or_went() -> None:
    presence = SessionLeases(15)
    presence.open(lease("a", "ann"), 0)
    presence.open(lease("b", None, "other"), 0)
    assert presence.moved() == {"s"}
    assert presence.moved() == set()
    presence.renew("s", "a", 5)
    assert presence.moved() == set()
    presence.lapse(30, AT)
    assert presence.moved() == {"s"}


def test_a_session_ends_with_its_last_holder() -> None:
    presence = SessionLeases(15)
    presence.open(lease("a", "ann", holder=""), 0)
    assert presence.let_go("s", "a", "node", AT) is None, "who never held it lets go of nothing"
    for holder in ("node", "gateway", "node"):
        assert presence.renew("s", "a", 0, holder)
    assert presence.let_go("s", "a", "node", AT) is None
    assert presence.count("s", ()) == (1, 0)
    assert presence.let_go("s", "a", "gateway", AT) is not None
    assert presence.count("s", ()) == (0, 0)
    assert presence.let_go("s", "a", "gateway", AT) is None


def test_whoever_renews_an_anonymous_session_that_was_taken_over_renews_the_new_one() -> None:
    presence = SessionLeases(15)
    presence.open(lease("a"), 0)
    assert presence.take_over("s", "a", "b", AT) is not None
    presence.open(lease("b", "ann"), 0)
    assert presence.renew("s", "a", 10, "node")
    assert presence.count("s", ()) == (1, 0)
    assert presence.lapse(15, AT) == []
    assert presence.take_over("s", "b", "c", AT) is None, "that of a person is nobody's to take over"
    assert [end.lease.session_id for end in presence.lapse(25, AT)] == ["b"]
    assert not presence.renew("s", "a", 26)


def test_a_session_counts_while_a_holder_says_so() -> None:
    presence = SessionLeases(15)
    for session, person in (("a", "ann"), ("b", None)):
        presence.open(lease(session, person, holder=""), 0)
    presence.due(0, 1.0)
    presence.told("s", (0, 0), 0)
    for moment in (10, 20):
        assert presence.renew("s", "a", moment), "its client says that it is there"
    assert presence.is_there("s", "ann")
    assert (presence.count("s", ()), presence.count("s", ("ann",))) == ((0, 0), (0, 1))
    assert presence.due(20, 1.0) == []
    assert presence.came() == []

    assert presence.renew("s", "a", 20, "node")
    assert presence.renew("s", "b", 20, "gateway")
    assert presence.count("s", ()) == (2, 0)
    assert presence.due(20, 1.0) == ["s"]
    assert [one.session_id for one in presence.came()] == ["a", "b"]

    for moment in (25, 30, 35):
        assert presence.renew("s", "a", moment)
        assert presence.renew("s", "b", moment, "gateway")
    assert presence.lapse(35, AT) == []
    assert presence.is_there("s", "ann")
    assert presence.count("s", ()) == (1, 0), "nothing held hers any more"
    assert presence.renew("s", "a", 36, "node")
    assert presence.count("s", ()) == (2, 0)
    assert presence.came() == [], "each joins once"


def test_whoever_takes_over_a_session_that_counts_counts_at_once() -> None:
    presence = SessionLeases(15)
    for session, holder in (("a", "node"), ("c", "")):
        presence.open(lease(session, holder=holder), 0)
        end = presence.take_over("s", session, f"{session}+", AT)
        assert end is not None
        taken_over = lease(f"{session}+", session, holder="")
        taken_over.counts_until = end.lease.counts_until
        presence.open(taken_over, 1)
    assert presence.count("s", ()) == (1, 0)


def test_leases_last_longer_by_what_nobody_could_renew_them_in() -> None:
    presence = SessionLeases(15)
    presence.open(lease("a", "ann"), 0)
    presence.prolong(100)
    assert presence.lapse(114, AT) == []
    assert presence.count("s", ()) == (1, 0)
    assert len(presence.lapse(115, AT)) == 1
