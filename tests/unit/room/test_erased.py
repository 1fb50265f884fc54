"""Somebody who is in a Space, or hosts it, is erased."""

from __future__ import annotations

from datetime import timedelta

import pytest

from libs.refusal import Refusal
from services.room.domain.facts import Canceled, CohostAppointed, Ended, HostChanged, Invited, Removed, StageJoined
from tests.unit.room.given import (
    ANN,
    ANN_ASKS,
    ANN_SPEAKS,
    BOB,
    COHOST,
    HOST,
    LIVE,
    NOW,
    SCHEDULED,
    WITH_COHOST,
    Given,
    space_after,
)

OUT = Removed(person_id=ANN.id, because="erased")


@pytest.mark.parametrize("before", [ANN_ASKS, ANN_SPEAKS, Invited(person=ANN, expires_at=NOW + timedelta(minutes=5))])
def test_who_is_on_stage_waits_or_is_invited_is_out_for_ever(before: object) -> None:
    Given(*LIVE, before).when(lambda s: s.bar(ANN.id, "erased")).then(OUT)  # type: ignore[arg-type]
    space = space_after(*LIVE, before, OUT)  # type: ignore[arg-type]
    assert not {ANN.id} & {*space.stage, *space.requests, *space.invitations}
    with pytest.raises(Refusal, match="deleted"):
        space.welcome(ANN.id, blocked=False, suspended=False)
    Given(*LIVE, OUT).when(lambda s: s.bar(ANN.id, "erased")).then()


def test_a_cohost_takes_the_place_of_an_erased_host() -> None:
    taken_over = (
        HostChanged(host=COHOST, previous_id=HOST.id, reason="erased"),
        Removed(person_id=HOST.id, because="erased"),
    )
    Given(*WITH_COHOST).when(lambda s: s.bar(HOST.id, "erased")).then(*taken_over)
    space = space_after(*WITH_COHOST, *taken_over)
    assert (space.state, space.host, HOST.id in space.stage) == ("live", COHOST, False)
    assert space.bar(HOST.id, "erased") == []


def test_without_a_cohost_who_is_there_and_may_host_the_space_ends() -> None:
    ended = Ended(reason="erased")
    Given(*LIVE).when(lambda s: s.bar(HOST.id, "erased")).then(ended)
    Given(*WITH_COHOST).when(lambda s: s.bar(HOST.id, "erased", lambda other: other != COHOST.id)).then(ended)
    Given(*WITH_COHOST).when(lambda s: s.bar(HOST.id, "erased", lambda _: True, lambda _: False)).then(ended)
    Given(*LIVE, ended).when(lambda s: s.bar(HOST.id, "erased")).then()


def test_what_an_erased_host_scheduled_is_canceled() -> None:
    Given(*SCHEDULED).when(lambda s: s.bar(HOST.id, "erased")).then(Canceled(reason="erased"))


def test_the_longest_serving_cohost_comes_first() -> None:
    two = (*WITH_COHOST, StageJoined(person=BOB), CohostAppointed(person_id=BOB.id))
    (changed, _) = space_after(*two).bar(HOST.id, "erased")
    assert changed == HostChanged(host=COHOST, previous_id=HOST.id, reason="erased")
