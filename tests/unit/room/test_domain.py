"""What the Space decides."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from libs.eventstore import Fact
from libs.refusal import Refusal
from services.room.domain.facts import (
    Canceled,
    CohostAppointed,
    Created,
    Ended,
    Muted,
    Removed,
    RequestCanceled,
    RequestDeclined,
    SpeakRequested,
    StageJoined,
    StageLeft,
    Started,
    Unmuted,
)
from services.room.domain.space import Space
from services.room.domain.values import Person, Settings
from tests.unit.room.given import (
    ANN,
    ANN_ASKS,
    ANN_SPEAKS,
    BOB,
    COHOST,
    HOST,
    LIMITS,
    LIVE,
    NOW,
    SCHEDULED,
    SETTINGS,
    WITH_COHOST,
    Given,
    crowd,
    space_after,
)


def _create(space: Space, **change: object) -> list[Fact]:
    return space.create(HOST, SETTINGS, scheduled_start=change.get("start"), now=NOW, limits=LIMITS)  # type: ignore[arg-type]


def _ask(space: Space, person: Person = ANN, *, followed: bool = False) -> list[Fact]:
    return space.request_to_speak(person, "please", consent_to_recording=True, followed_by_host=followed, limits=LIMITS)


# ---- lifecycle --------------------------------------------------------------------------------------------------


def test_a_space_without_a_start_is_live_at_once() -> None:
    Given().when(_create).then(*LIVE)


def test_a_space_with_a_start_waits_for_it() -> None:
    start = NOW + timedelta(days=2)
    created = Created(host=HOST, settings=SETTINGS, scheduled_start=start)
    Given().when(lambda s: _create(s, start=start)).then(created)


@pytest.mark.parametrize("start", [NOW, NOW - timedelta(hours=1), NOW + timedelta(days=30, seconds=1)])
def test_a_start_in_the_past_or_too_far_ahead_is_refused(start: object) -> None:
    Given().when(lambda s: _create(s, start=start)).refused("invalid")


def test_an_id_is_used_once() -> None:
    Given(*LIVE).when(_create).refused("wrong_state")


def test_the_host_starts_a_scheduled_space_and_stands_on_stage_muted() -> None:
    started = Started(host=HOST, settings=SETTINGS)
    Given(*SCHEDULED).when(lambda s: s.start(HOST.id)).then(started)
    space = space_after(*SCHEDULED, started)
    assert space.state == "live"
    assert [(m.person, m.role, m.muted) for m in space.stage.values()] == [(HOST, "host", True)]


def test_only_the_host_starts_and_only_once() -> None:
    Given(*SCHEDULED).when(lambda s: s.start(ANN.id)).refused("not_host")
    Given(*LIVE).when(lambda s: s.start(HOST.id)).refused("not_scheduled")


def test_a_scheduled_space_can_be_canceled_until_it_starts() -> None:
    Given(*SCHEDULED).when(lambda s: s.cancel(HOST.id)).then(Canceled())
    Given(*LIVE).when(lambda s: s.cancel(HOST.id)).refused("not_scheduled")
    Given(*SCHEDULED, Canceled()).when(lambda s: s.cancel(HOST.id)).refused("not_scheduled")


def test_the_host_ends_it_and_the_stage_is_empty() -> None:
    Given(*LIVE).when(lambda s: s.end(HOST.id)).then(Ended(reason="host"))
    space = space_after(*LIVE, ANN_SPEAKS, SpeakRequested(person=BOB), Ended())
    assert (space.state, space.stage, space.requests) == ("ended", {}, {})


def test_the_platform_can_end_it() -> None:
    Given(*LIVE).when(lambda s: s.end("moderator", operator=True)).then(Ended(reason="platform"))


@pytest.mark.parametrize("actor", [ANN.id, COHOST.id, None])
def test_nobody_else_can_end_it(actor: str | None) -> None:
    Given(*WITH_COHOST).when(lambda s: s.end(actor)).refused("not_host")


def test_it_ends_once() -> None:
    Given(*LIVE, Ended()).when(lambda s: s.end(HOST.id)).refused("not_live")


# ---- requests ---------------------------------------------------------------------------------------------------


def test_somebody_asks_to_speak_and_waits_in_the_queue() -> None:
    Given(*LIVE).when(_ask).then(ANN_ASKS)


def test_the_queue_is_in_order_of_time() -> None:
    space = space_after(*LIVE, SpeakRequested(person=BOB), ANN_ASKS)
    assert list(space.requests) == [BOB.id, ANN.id]


def test_asking_twice_is_refused() -> None:
    Given(*LIVE, ANN_ASKS).when(_ask).refused("already_requested")
    Given(*LIVE, ANN_SPEAKS).when(_ask).refused("already_on_stage")


def test_before_the_start_and_after_the_end_nobody_asks() -> None:
    Given(*SCHEDULED).when(_ask).refused("not_live")
    Given(*LIVE, Ended()).when(_ask).refused("not_live")


def test_where_everyone_may_speak_nobody_waits() -> None:
    settings = msgspec.structs.replace(SETTINGS, who_can_speak="everyone")
    live = [Created(host=HOST, settings=settings), Started(host=HOST, settings=settings)]
    Given(*live).when(_ask).then(StageJoined(person=ANN, because="everyone"))
    Given(*live, *crowd(12)).when(_ask).refused("stage_full")


def test_people_the_host_follows_do_not_wait_where_that_is_the_rule() -> None:
    settings = msgspec.structs.replace(SETTINGS, who_can_speak="followed")
    live = [Created(host=HOST, settings=settings), Started(host=HOST, settings=settings)]
    Given(*live).when(lambda s: _ask(s, followed=True)).then(StageJoined(person=ANN, because="followed"))
    Given(*live).when(_ask).then(ANN_ASKS)


def test_a_request_can_be_taken_back() -> None:
    Given(*LIVE, ANN_ASKS).when(lambda s: s.cancel_request(ANN.id)).then(RequestCanceled(person_id=ANN.id))
    Given(*LIVE).when(lambda s: s.cancel_request(ANN.id)).refused("request_unknown")


def test_a_host_lets_somebody_in_muted() -> None:
    Given(*LIVE, ANN_ASKS).when(lambda s: s.accept_request(HOST.id, ANN.id, limits=LIMITS)).then(ANN_SPEAKS)
    space = space_after(*LIVE, ANN_ASKS, ANN_SPEAKS)
    assert space.stage[ANN.id].muted
    assert not space.requests


def test_who_does_not_consent_to_recording_stands_on_stage_without_consent() -> None:
    asks = SpeakRequested(person=ANN, consent_to_recording=False)
    joins = StageJoined(person=ANN, consent_to_recording=False)
    Given(*LIVE, asks).when(lambda s: s.accept_request(HOST.id, ANN.id, limits=LIMITS)).then(joins)


def test_a_cohost_lets_in_and_declines_too() -> None:
    given = (*WITH_COHOST, ANN_ASKS)
    Given(*given).when(lambda s: s.accept_request(COHOST.id, ANN.id, limits=LIMITS)).then(ANN_SPEAKS)
    Given(*given).when(lambda s: s.decline_request(COHOST.id, ANN.id)).then(RequestDeclined(person_id=ANN.id))


@pytest.mark.parametrize("actor", [ANN.id, BOB.id, None])
def test_nobody_else_lets_people_in(actor: str | None) -> None:
    given = Given(*LIVE, ANN_ASKS, StageJoined(person=BOB))
    given.when(lambda s: s.accept_request(actor, ANN.id, limits=LIMITS)).refused("not_host")
    given.when(lambda s: s.decline_request(actor, ANN.id)).refused("not_host")


def test_nobody_is_let_in_who_did_not_ask() -> None:
    Given(*LIVE).when(lambda s: s.accept_request(HOST.id, ANN.id, limits=LIMITS)).refused("request_unknown")
    Given(*LIVE).when(lambda s: s.decline_request(HOST.id, ANN.id)).refused("request_unknown")


def test_the_stage_is_full_at_thirteen() -> None:
    accept = lambda s: s.accept_request(HOST.id, ANN.id, limits=LIMITS)  # noqa: E731
    cohosts = (StageJoined(person=COHOST, role="cohost"), StageJoined(person=BOB, role="cohost"))
    Given(*LIVE, *cohosts, *crowd(9), ANN_ASKS).when(accept).then(ANN_SPEAKS)
    assert len(space_after(*LIVE, *cohosts, *crowd(9), ANN_ASKS, ANN_SPEAKS).stage) == 13
    Given(*LIVE, *cohosts, *crowd(10), ANN_ASKS).when(accept).refused("stage_full")
    Given(*LIVE, *cohosts, *crowd(10), ANN_ASKS, StageLeft(person_id="p3")).when(accept).then(ANN_SPEAKS)


def test_there_are_ten_speakers_and_two_places_are_kept_for_cohosts() -> None:
    accept = lambda s: s.accept_request(HOST.id, ANN.id, limits=LIMITS)  # noqa: E731
    Given(*LIVE, *crowd(9), ANN_ASKS).when(accept).then(ANN_SPEAKS)
    Given(*LIVE, *crowd(10), ANN_ASKS).when(accept).refused("stage_full")
    Given(*LIVE, *crowd(10), CohostAppointed(person_id="p1"), ANN_ASKS).when(accept).then(ANN_SPEAKS)


# ---- on stage ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("actor", [HOST.id, COHOST.id, ANN.id])
def test_hosts_mute_anybody_and_everybody_themself(actor: str) -> None:
    given = (*WITH_COHOST, ANN_SPEAKS, Unmuted(person_id=ANN.id))
    Given(*given).when(lambda s: s.mute(actor, ANN.id)).then(Muted(person_id=ANN.id))


def test_muting_the_muted_changes_nothing() -> None:
    Given(*LIVE, ANN_SPEAKS).when(lambda s: s.mute(HOST.id, ANN.id)).then()
    Given(*LIVE, ANN_SPEAKS, Unmuted(person_id=ANN.id)).when(lambda s: s.unmute(ANN.id, ANN.id)).then()


def test_nobody_else_mutes() -> None:
    Given(*LIVE, ANN_SPEAKS, StageJoined(person=BOB)).when(lambda s: s.mute(BOB.id, ANN.id)).refused("not_host")
    Given(*LIVE, ANN_SPEAKS).when(lambda s: s.mute(None, ANN.id)).refused("not_host")


@pytest.mark.parametrize("actor", [HOST.id, COHOST.id, BOB.id, None])
def test_only_the_person_can_unmute_themself(actor: str | None) -> None:
    Given(*WITH_COHOST, ANN_SPEAKS).when(lambda s: s.unmute(actor, ANN.id)).refused("only_self")
    Given(*WITH_COHOST, ANN_SPEAKS).when(lambda s: s.unmute(ANN.id, ANN.id)).then(Unmuted(person_id=ANN.id))


def test_who_is_not_on_stage_has_no_microphone() -> None:
    Given(*LIVE).when(lambda s: s.unmute(ANN.id, ANN.id)).refused("not_on_stage")
    Given(*LIVE).when(lambda s: s.mute(HOST.id, ANN.id)).refused("not_on_stage")


def test_a_speaker_steps_down_or_is_moved_back() -> None:
    given = Given(*LIVE, ANN_SPEAKS)
    given.when(lambda s: s.leave_stage(ANN.id, ANN.id)).then(StageLeft(person_id=ANN.id, reason="stepped_down"))
    given.when(lambda s: s.leave_stage(HOST.id, ANN.id)).then(StageLeft(person_id=ANN.id, reason="moved"))
    given.when(lambda s: s.leave_stage(BOB.id, ANN.id)).refused("not_host")


def test_the_host_does_not_leave_the_stage_and_a_cohost_does_not_move_the_host() -> None:
    Given(*WITH_COHOST).when(lambda s: s.leave_stage(HOST.id, HOST.id)).refused("not_allowed")
    Given(*WITH_COHOST).when(lambda s: s.leave_stage(COHOST.id, HOST.id)).refused("not_allowed")


# ---- removals ---------------------------------------------------------------------------------------------------


def test_somebody_removed_is_out_of_stage_and_queue_for_good() -> None:
    removed = Removed(person_id=ANN.id, explanation="spam")
    for before in (ANN_SPEAKS, ANN_ASKS):
        Given(*LIVE, before).when(lambda s: s.remove(HOST.id, ANN.id, "spam")).then(removed)
        space = space_after(*LIVE, before, removed)
        assert ANN.id not in space.stage
        assert ANN.id not in space.requests
        with pytest.raises(Refusal, match="removed"):
            space.admit(ANN.id, blocked=False, follows_host=True)
        with pytest.raises(Refusal, match="removed"):
            space.welcome(ANN.id, blocked=False, suspended=False)
        Given(*LIVE, before, removed).when(_ask).refused("removed")


def test_removing_twice_changes_nothing() -> None:
    Given(*LIVE, Removed(person_id=ANN.id)).when(lambda s: s.remove(HOST.id, ANN.id, "")).then()


def test_a_cohost_removes_speakers_but_no_host() -> None:
    other = Person("other")
    given = Given(*WITH_COHOST, ANN_SPEAKS, StageJoined(person=other, role="cohost"))
    given.when(lambda s: s.remove(COHOST.id, ANN.id, "")).then(Removed(person_id=ANN.id))
    given.when(lambda s: s.remove(COHOST.id, HOST.id, "")).refused("not_allowed")
    given.when(lambda s: s.remove(COHOST.id, other.id, "")).refused("not_allowed")
    given.when(lambda s: s.remove(HOST.id, other.id, "")).then(Removed(person_id=other.id))
    given.when(lambda s: s.remove(HOST.id, HOST.id, "")).refused("not_allowed")
    given.when(lambda s: s.remove(ANN.id, BOB.id, "")).refused("not_host")


# ---- who may be there -------------------------------------------------------------------------------------------


def test_anybody_joins_a_live_space_also_anonymously() -> None:
    space_after(*LIVE).admit(ANN.id, blocked=False, follows_host=False)
    space_after(*LIVE).admit(None, blocked=False, follows_host=False)


def test_what_is_kept_is_for_those_who_could_join_and_those_who_stood_on_stage() -> None:
    settings = Settings(title="x", who_can_join="followers")
    over = space_after(
        Created(host=HOST, settings=settings), Started(host=HOST, settings=settings), ANN_SPEAKS, Ended()
    )
    for insider, follows in ((HOST.id, False), (ANN.id, False), (BOB.id, True)):
        over.admit(insider, blocked=False, follows_host=follows, looking_back=True)
    for person, blocked, reason in (
        (BOB.id, False, "not_allowed"),
        (None, False, "not_allowed"),
        (ANN.id, True, "blocked"),
    ):
        with pytest.raises(Refusal) as no:
            over.admit(person, blocked=blocked, follows_host=False, looking_back=True)
        assert no.value.reason == reason


def test_nobody_joins_before_the_start_after_the_end_or_when_blocked() -> None:
    for given, blocked, reason in (
        (SCHEDULED, False, "not_live"),
        ((*LIVE, Ended()), False, "not_live"),
        (LIVE, True, "blocked"),
        ((), False, "space_unknown"),
    ):
        with pytest.raises(Refusal) as no:
            space_after(*given).admit(ANN.id, blocked=blocked, follows_host=False)
        assert no.value.reason == reason


def test_a_space_for_followers_takes_followers_and_the_stage() -> None:
    settings = Settings(title="x", who_can_join="followers")
    space = space_after(Created(host=HOST, settings=settings), Started(host=HOST, settings=settings), ANN_SPEAKS)
    space.admit(BOB.id, blocked=False, follows_host=True)
    space.admit(ANN.id, blocked=False, follows_host=False)
    space.admit(HOST.id, blocked=False, follows_host=False)
    for stranger in (BOB.id, None):
        with pytest.raises(Refusal, match="not_allowed"):
            space.admit(stranger, blocked=False, follows_host=False)


def test_every_order_to_an_unknown_space_is_refused() -> None:
    orders = (
        lambda s: s.start(HOST.id),
        lambda s: s.cancel(HOST.id),
        lambda s: s.end(HOST.id, operator=True),
        _ask,
        lambda s: s.cancel_request(ANN.id),
        lambda s: s.accept_request(HOST.id, ANN.id, limits=LIMITS),
        lambda s: s.decline_request(HOST.id, ANN.id),
        lambda s: s.mute(ANN.id, ANN.id),
        lambda s: s.unmute(ANN.id, ANN.id),
        lambda s: s.leave_stage(ANN.id, ANN.id),
        lambda s: s.remove(HOST.id, ANN.id, ""),
    )
    for order in orders:
        Given().when(order).refused("space_unknown")


def test_the_limits_are_settings() -> None:
    small = replace(LIMITS, stage=2)
    Given(*LIVE, ANN_SPEAKS, SpeakRequested(person=BOB)).when(
        lambda s: s.accept_request(HOST.id, BOB.id, limits=small)
    ).refused("stage_full")
