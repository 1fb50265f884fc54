"""What time does to a Space: with a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest

from libs.eventstore import Fact
from services.room.domain import (
    Arrived,
    CohostAppointed,
    Ended,
    HostChanged,
    InvitationClosed,
    Invited,
    Lost,
    Muted,
    Person,
    RequestCanceled,
    RequestHeld,
    Space,
    SpeakRequested,
    StageJoined,
    StageLeft,
    Unmuted,
)
from tests.unit.room.given import ANN, ANN_SPEAKS, BOB, COHOST, HOST, LIMITS, LIVE, NOW, SCHEDULED, Given, space_after

GRACE = LIMITS.grace
OVER = NOW + GRACE
SECOND = timedelta(seconds=1)


def passes(space: Space, at: datetime, *present: Person) -> list[Fact]:
    """What comes of its being then, while these people are connected."""
    ids = {person.id for person in present}
    return space.pass_time(at, lambda person_id: person_id in ids, LIMITS)


def arrived(*people: Person) -> list[Fact]:
    return [Arrived(person_id=person.id) for person in people]


def lost(*people: Person, until: datetime = OVER) -> list[Fact]:
    return [Lost(person_id=person.id, until=until) for person in people]


def cohosts(*people: Person) -> list[Fact]:
    joined: list[Fact] = [StageJoined(person=person) for person in people]
    return joined + [CohostAppointed(person_id=person.id) for person in people]


def given(*facts: Fact | Iterable[Fact]) -> Given:
    return Given(*(fact for each in facts for fact in ([each] if isinstance(each, Fact) else each)))


# ---- lost and back ----------------------------------------------------------------------------------------------


def test_who_is_on_stage_is_seen_to_arrive_once() -> None:
    given(LIVE, ANN_SPEAKS).when(lambda s: passes(s, NOW, HOST, ANN)).then(*arrived(HOST, ANN))
    given(LIVE, ANN_SPEAKS, arrived(HOST, ANN)).when(lambda s: passes(s, NOW, HOST, ANN)).then()


def test_a_dropped_connection_is_missed_and_has_a_grace_of_two_minutes() -> None:
    here = given(LIVE, ANN_SPEAKS, arrived(HOST, ANN))
    here.when(lambda s: passes(s, NOW, HOST)).then(*lost(ANN))
    gone = given(LIVE, ANN_SPEAKS, arrived(HOST, ANN), lost(ANN))
    gone.when(lambda s: passes(s, OVER - SECOND, HOST)).then()
    gone.when(lambda s: passes(s, OVER, HOST)).then(StageLeft(person_id=ANN.id, reason="lost"))
    assert timedelta(seconds=120) == GRACE


def test_who_comes_back_within_the_grace_has_role_and_microphone_as_before() -> None:
    before = (*LIVE, *cohosts(ANN), Unmuted(person_id=ANN.id), *arrived(HOST, ANN), *lost(ANN))
    Given(*before).when(lambda s: passes(s, OVER - SECOND, HOST, ANN)).then(*arrived(ANN))
    space = space_after(*before, *arrived(ANN))
    assert (space.role_of(ANN.id), space.stage[ANN.id].muted, space.stage[ANN.id].lost_until) == ("cohost", False, None)
    Given(*before, *arrived(ANN)).when(lambda s: passes(s, OVER + GRACE, HOST, ANN)).then()


def test_the_place_in_the_queue_is_held_for_the_grace_too() -> None:
    asks = [SpeakRequested(person=ANN, here=True), SpeakRequested(person=BOB, here=True)]
    held = RequestHeld(person_id=ANN.id, until=OVER)
    given(LIVE, asks).when(lambda s: passes(s, NOW, BOB)).then(held)
    given(LIVE, asks, held).when(lambda s: passes(s, OVER, BOB)).then(RequestCanceled(person_id=ANN.id))
    given(LIVE, asks, held).when(lambda s: passes(s, OVER - SECOND, ANN, BOB)).then(RequestHeld(person_id=ANN.id))
    assert list(space_after(*LIVE, *asks, held, RequestHeld(person_id=ANN.id)).requests) == [ANN.id, BOB.id]


def test_who_never_was_connected_is_not_missed() -> None:
    given(LIVE, ANN_SPEAKS, SpeakRequested(person=BOB)).when(lambda s: passes(s, OVER + GRACE)).then()


def test_who_let_in_from_the_queue_was_there_is_missed_when_gone() -> None:
    given(LIVE, SpeakRequested(person=ANN, here=True), ANN_SPEAKS).when(lambda s: passes(s, NOW)).then(*lost(ANN))


def test_nobody_is_judged_before_it_is_known_who_is_there() -> None:
    after = given(LIVE, arrived(HOST), ANN_SPEAKS, arrived(ANN), lost(ANN, HOST), Invited(person=BOB, expires_at=OVER))
    after.when(lambda s: s.pass_time(OVER, None, LIMITS)).then(InvitationClosed(person_id=BOB.id, reason="expired"))


# ---- the host ---------------------------------------------------------------------------------------------------


def test_a_lost_host_without_a_cohost_leaves_a_space_that_timed_out() -> None:
    gone = given(LIVE, ANN_SPEAKS, arrived(HOST, ANN), lost(HOST))
    gone.when(lambda s: passes(s, OVER - SECOND, ANN)).then()
    gone.when(lambda s: passes(s, OVER, ANN)).then(Ended(reason="timed_out"))
    assert space_after(*LIVE, Ended(reason="timed_out")).state == "timed_out"


def test_the_longest_serving_cohost_takes_over_from_a_lost_host() -> None:
    # BOB came first, ANN was appointed first.
    serving = [StageJoined(person=BOB), StageJoined(person=ANN), CohostAppointed(person_id=ANN.id)]
    both = [*serving, CohostAppointed(person_id=BOB.id)]
    changed = HostChanged(host=ANN, previous_id=HOST.id, reason="lost")
    gone = given(LIVE, both, arrived(HOST, ANN, BOB), lost(HOST))
    gone.when(lambda s: passes(s, OVER, ANN, BOB)).then(changed)
    space = space_after(*LIVE, *both, *arrived(HOST, ANN, BOB), *lost(HOST), changed)
    assert (space.host, space.state, HOST.id in space.stage) == (ANN, "live", False)
    Given(*LIVE, *both, *arrived(HOST, ANN, BOB), *lost(HOST), changed).when(
        lambda s: passes(s, OVER + GRACE, ANN, BOB, HOST)
    ).then()


def test_a_cohost_who_is_lost_too_does_not_take_over() -> None:
    both = [*LIVE, *cohosts(ANN, BOB), *arrived(HOST, ANN, BOB)]
    given(both, lost(HOST), lost(ANN, until=OVER + GRACE)).when(lambda s: passes(s, OVER, BOB)).then(
        HostChanged(host=BOB, previous_id=HOST.id, reason="lost")
    )
    given(both, lost(HOST, ANN, BOB)).when(lambda s: passes(s, OVER)).then(
        StageLeft(person_id=ANN.id, reason="lost"),
        StageLeft(person_id=BOB.id, reason="lost"),
        Ended(reason="timed_out"),
    )


def test_a_host_who_is_back_in_time_goes_on_hosting() -> None:
    before = (*LIVE, *cohosts(COHOST), *arrived(HOST, COHOST), Unmuted(person_id=HOST.id), *lost(HOST))
    Given(*before).when(lambda s: passes(s, OVER - SECOND, HOST, COHOST)).then(*arrived(HOST))
    space = space_after(*before, *arrived(HOST), Muted(person_id=COHOST.id))
    assert (space.host, space.stage[HOST.id].role, space.stage[HOST.id].muted) == (HOST, "host", False)


# ---- invitations, and when to look ------------------------------------------------------------------------------


def test_an_unanswered_invitation_expires_by_itself() -> None:
    invited = Invited(person=ANN, expires_at=OVER)
    given(LIVE, invited).when(lambda s: passes(s, OVER - SECOND)).then()
    given(LIVE, invited).when(lambda s: passes(s, OVER)).then(InvitationClosed(person_id=ANN.id, reason="expired"))


@pytest.mark.parametrize("state", [SCHEDULED, (*LIVE, Ended())])
def test_time_does_nothing_to_what_is_not_live(state: tuple[Fact, ...]) -> None:
    given(state).when(lambda s: passes(s, OVER)).then()


def test_it_is_known_when_to_look_again() -> None:
    assert space_after(*LIVE).next_due() is None
    invited = Invited(person=ANN, expires_at=OVER)
    assert space_after(*LIVE, invited).next_due() == OVER
    soon = OVER - SECOND
    assert space_after(*LIVE, invited, *arrived(HOST), *lost(HOST, until=soon)).next_due() == soon
    assert space_after(*LIVE, SpeakRequested(person=BOB), RequestHeld(person_id=BOB.id, until=soon)).next_due() == soon
    assert space_after(*LIVE, invited, Ended()).next_due() is None
