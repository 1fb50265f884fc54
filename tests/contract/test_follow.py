"""Whoever follows a Space by its events sees what the room service sees."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from contracts.envelope import PersonRef
from contracts.room import v1
from contracts.room.follow import follow, member

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
SPACE = "01jd3v9f4rs7t2v6w8x0y1z234"
ADA = PersonRef(id="01jd3v8q2m7x4k9t6r5w0yabcd", handle="ada", name="Ada")
BO = PersonRef(id="01jd3v8q2n8h5s3f7g1p4zefgh", handle="bo", name="Bo")
HOST = v1.StageMember(person=ADA, role=v1.Role.HOST, muted=True, joined_at=NOW)


def live(*stage: v1.StageMember, requests: tuple[v1.SpeakRequest, ...] = ()) -> v1.Space:
    return v1.Space(
        id=SPACE,
        version=2,
        state=v1.State.LIVE,
        host=ADA,
        settings=v1.Settings(title="T"),
        created_at=NOW,
        started_at=NOW,
        stage=stage or (HOST,),
        requests=requests,
    )


def test_a_request_that_is_accepted_leaves_the_queue_for_the_stage() -> None:
    asked = follow(live(), v1.SpeakRequested(at=NOW, space_id=SPACE, version=3, person=BO, message="Hi"))
    assert [request.person for request in asked.requests] == [BO]
    joined = follow(asked, v1.StageJoined(at=NOW, space_id=SPACE, version=4, person=BO, role=v1.Role.SPEAKER))
    assert joined.requests == ()
    bo = member(joined, BO.id)
    assert bo is not None
    assert bo.muted
    assert joined.version == 4


def test_mute_and_unmute_change_only_that_person() -> None:
    space = follow(live(), v1.StageJoined(at=NOW, space_id=SPACE, version=3, person=BO, role=v1.Role.SPEAKER))
    space = follow(space, v1.Unmuted(at=NOW, space_id=SPACE, version=4, person_id=BO.id))
    assert [m.muted for m in space.stage] == [True, False]
    space = follow(space, v1.Muted(at=NOW, space_id=SPACE, version=5, person_id=BO.id))
    assert [m.muted for m in space.stage] == [True, True]


def test_an_event_that_the_snapshot_contains_changes_nothing() -> None:
    space = live()
    assert follow(space, v1.Ended(at=NOW, space_id=SPACE, version=2)) is space


def test_the_end_clears_the_stage_and_says_how_it_ended() -> None:
    assert follow(live(), v1.Ended(at=NOW, space_id=SPACE, version=3)).state == v1.State.ENDED
    lost = follow(live(), v1.Ended(at=NOW, space_id=SPACE, version=3, reason="timed_out"))
    assert (lost.state, lost.stage) == (v1.State.TIMED_OUT, ())


def test_a_removed_person_is_nowhere() -> None:
    request = v1.SpeakRequest(person=BO, requested_at=NOW)
    space = follow(live(requests=(request,)), v1.Removed(at=NOW, space_id=SPACE, version=3, person_id=BO.id))
    assert space.requests == ()
    assert space.removed == (BO.id,)


def test_an_event_of_another_space_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="event of"):
        follow(live(), v1.Ended(at=NOW, space_id=ADA.id, version=3))
