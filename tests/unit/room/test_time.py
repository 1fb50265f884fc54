"""What time does to a Space: with a clock of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import pytest

from libs.eventstore import Fact
from services.room.domain.facts import (
    Arrived,
    Canceled,
    CohostAppointed,
    Created,
    Ended,
    HostChanged,
    InvitationClosed,
    Invited,
    Lost,
    Muted,
    RequestCanceled,
    RequestHeld,
    Rescheduled,
    SpeakRequested,
    StageJoined,
    StageLeft,
    Started,
    Unmuted,
)
from services.room.domain.space import Space
from services.room.domain.values import Person, Settings
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
    live = (*LIVE, *arrived(HOST), *asks)
    given(live).when(lambda s: passes(s, NOW, HOST, BOB)).then(held)
    given(live, held).when(lambda s: passes(s, OVER, HOST, BOB)).then(RequestCanceled(person_id=ANN.id))
    given(live, held).when(lambda s: passes(s, OVER - SECOND, HOST, ANN, BOB)).then(RequestHeld(person_id=ANN.id))
    assert list(space_after(*LIVE, *asks, held, RequestHeld(person_id=ANN.id)).requests) == [ANN.id, BOB.id]


def test_who_comes_on_stage_without_a_connection_is_in_grace_from_that_moment() -> None:
    # ANN comes on stage three seconds after NOW: see `space_after`.
    came, on_stage = NOW + 3 * SECOND, (*LIVE, *arrived(HOST), ANN_SPEAKS)
    missed = Lost(person_id=ANN.id, until=came + GRACE)
    given(on_stage).when(lambda s: passes(s, came + 4 * SECOND, HOST)).then()
    given(on_stage).when(lambda s: passes(s, came + 5 * SECOND, HOST)).then(missed)
    given(on_stage, missed).when(lambda s: passes(s, came + GRACE - SECOND, HOST)).then()
    gone = StageLeft(person_id=ANN.id, reason="lost")
    given(on_stage, missed).when(lambda s: passes(s, came + GRACE, HOST)).then(gone)
    given(on_stage).when(lambda s: passes(s, came + GRACE, HOST)).then(gone)
    given(on_stage, missed).when(lambda s: passes(s, came + GRACE - SECOND, HOST, ANN)).then(*arrived(ANN))


def test_a_host_has_the_grace_to_connect_after_the_start() -> None:
    started = NOW + SECOND
    missed = Lost(person_id=HOST.id, until=started + GRACE)
    given(LIVE).when(lambda s: passes(s, started + 4 * SECOND)).then()
    given(LIVE).when(lambda s: passes(s, started + 5 * SECOND)).then(missed)
    given(LIVE, missed).when(lambda s: passes(s, started + GRACE - SECOND, HOST)).then(*arrived(HOST))
    for live in (LIVE, (*LIVE, missed)):
        given(live).when(lambda s: passes(s, started + GRACE)).then(Ended(reason="timed_out"))


def test_in_a_conversation_one_asks_without_a_connection_and_keeps_the_place_in_the_queue() -> None:
    chosen = Settings(title="On bees", kind="conversation")
    begun = (Created(host=HOST, settings=chosen), Started(host=HOST, settings=chosen), *arrived(HOST))
    asks = Given(*begun).when(
        lambda s: s.request_to_speak(
            ANN, "", consent_to_recording=True, followed_by_host=False, limits=LIMITS, here=False
        )
    )
    asks.then(SpeakRequested(person=ANN))
    given(begun, SpeakRequested(person=ANN)).when(lambda s: passes(s, OVER + GRACE, HOST)).then()
    accepted = given(begun, SpeakRequested(person=ANN), ANN_SPEAKS)
    accepted.when(lambda s: passes(s, OVER + GRACE, HOST)).then(StageLeft(person_id=ANN.id, reason="lost"))
    invited = Given(*begun, Invited(person=ANN, expires_at=OVER))
    invited.when(
        lambda s: s.accept_invitation(ANN.id, consent_to_recording=True, now=NOW, limits=LIMITS, here=False)
    ).then(StageJoined(person=ANN, because="invited"))


def test_in_a_space_nobody_asks_or_accepts_without_a_connection() -> None:
    asks = Given(*LIVE).when(
        lambda s: s.request_to_speak(
            ANN, "", consent_to_recording=True, followed_by_host=True, limits=LIMITS, here=False
        )
    )
    asks.refused("not_in_space")
    accepts = Given(*LIVE, Invited(person=ANN, expires_at=OVER)).when(
        lambda s: s.accept_invitation(ANN.id, consent_to_recording=True, now=NOW, limits=LIMITS, here=False)
    )
    accepts.refused("not_in_space")


def test_who_waits_in_the_queue_of_a_space_without_a_connection_is_missed() -> None:
    # Stored by earlier versions, which did not ask for one.
    waits = given(LIVE, arrived(HOST), SpeakRequested(person=BOB))
    waits.when(lambda s: passes(s, NOW, HOST)).then(RequestHeld(person_id=BOB.id, until=OVER))


def test_who_let_in_from_the_queue_was_there_is_missed_when_gone() -> None:
    given(LIVE, SpeakRequested(person=ANN, here=True), ANN_SPEAKS).when(lambda s: passes(s, NOW)).then(*lost(ANN))


def test_nobody_is_judged_before_it_is_known_who_is_there() -> None:
    after = given(LIVE, arrived(HOST), ANN_SPEAKS, arrived(ANN), lost(ANN, HOST), Invited(person=BOB, expires_at=OVER))
    after.when(lambda s: s.pass_time(OVER, None, LIMITS)).then(InvitationClosed(person_id=BOB.id, reason="expired"))


def test_deadlines_stand_still_while_nobody_can_be_heard_of() -> None:
    away, since = timedelta(seconds=50), NOW + 10 * SECOND
    invited = Invited(person=BOB, expires_at=OVER)
    before = [*LIVE, *arrived(HOST), ANN_SPEAKS, *lost(HOST), SpeakRequested(person=COHOST), invited]
    before.append(RequestHeld(person_id=COHOST.id, until=OVER))
    came = NOW + 3 * SECOND
    given(before).when(lambda s: s.stand_still(since, away, LIMITS)).then(
        Invited(person=BOB, expires_at=OVER + away),
        RequestHeld(person_id=COHOST.id, until=OVER + away),
        Lost(person_id=HOST.id, until=OVER + away),
        Lost(person_id=ANN.id, until=came + GRACE + away),
    )
    # What had ended before is not put off.
    given(before).when(lambda s: s.stand_still(OVER + GRACE, away, LIMITS)).then()
    given(LIVE, arrived(HOST)).when(lambda s: s.stand_still(since, away, LIMITS)).then()
    given(LIVE, Ended()).when(lambda s: s.stand_still(since, away, LIMITS)).then()


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


def test_a_cohost_who_may_not_host_does_not_take_over() -> None:
    both = given(LIVE, cohosts(ANN, BOB), arrived(HOST, ANN, BOB), lost(HOST))
    there = (ANN.id, BOB.id).__contains__
    both.when(lambda s: s.pass_time(OVER, there, LIMITS, lambda person_id: person_id != ANN.id)).then(
        HostChanged(host=BOB, previous_id=HOST.id, reason="lost")
    )
    both.when(lambda s: s.pass_time(OVER, there, LIMITS, lambda person_id: False)).then(Ended(reason="timed_out"))


def test_a_host_who_is_back_in_time_goes_on_hosting() -> None:
    before = (*LIVE, *cohosts(COHOST), *arrived(HOST, COHOST), Unmuted(person_id=HOST.id), *lost(HOST))
    Given(*before).when(lambda s: passes(s, OVER - SECOND, HOST, COHOST)).then(*arrived(HOST))
    space = space_after(*before, *arrived(HOST), Muted(person_id=COHOST.id))
    assert (space.host, space.stage[HOST.id].role, space.stage[HOST.id].muted) == (HOST, "host", False)


# ---- invitations, and when to look ------------------------------------------------------------------------------


def test_an_unanswered_invitation_expires_by_itself() -> None:
    invited = Invited(person=ANN, expires_at=OVER)
    live = (*LIVE, *arrived(HOST), invited)
    given(live).when(lambda s: passes(s, OVER - SECOND, HOST)).then()
    given(live).when(lambda s: passes(s, OVER, HOST)).then(InvitationClosed(person_id=ANN.id, reason="expired"))


@pytest.mark.parametrize("state", [SCHEDULED, (*LIVE, Ended())])
def test_time_does_nothing_to_what_is_not_live(state: tuple[Fact, ...]) -> None:
    given(state).when(lambda s: passes(s, OVER)).then()


@pytest.mark.parametrize("present", [None, lambda person_id: True])
def test_what_nobody_starts_is_canceled_two_hours_after_its_time(present: Callable[[str], bool] | None) -> None:
    late = NOW + timedelta(hours=1) + timedelta(hours=2)
    given(SCHEDULED).when(lambda s: s.pass_time(late - SECOND, present, LIMITS)).then()
    given(SCHEDULED).when(lambda s: s.pass_time(late, present, LIMITS)).then(Canceled(reason="never_started"))
    later = Rescheduled(scheduled_start=late)
    given(SCHEDULED, later).when(lambda s: s.pass_time(late, present, LIMITS)).then()
    assert space_after(*SCHEDULED).given_up_at(LIMITS) == late
    assert space_after(*SCHEDULED, later).given_up_at(LIMITS) == late + timedelta(hours=2)
    assert space_after(*LIVE).given_up_at(LIMITS) is None


def test_it_is_known_when_to_look_again() -> None:
    def due(*facts: Fact) -> datetime | None:
        return space_after(*LIVE, *facts).next_due(LIMITS)

    assert due() == NOW + 6 * SECOND, "the host, who started a second after NOW, has not connected"
    assert due(*arrived(HOST)) is None
    invited = Invited(person=ANN, expires_at=OVER)
    assert due(*arrived(HOST), invited) == OVER
    soon = OVER - SECOND
    assert due(*arrived(HOST), invited, *lost(HOST, until=soon)) == soon
    held = RequestHeld(person_id=BOB.id, until=soon)
    assert due(*arrived(HOST), SpeakRequested(person=BOB), held) == soon
    assert due(invited, Ended()) is None
