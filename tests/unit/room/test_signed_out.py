"""Somebody who is in a Space has everything signed out."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from libs.eventstore import Fact
from services.room.domain.facts import HostChanged, RequestCanceled, StageLeft
from services.room.domain.space import Space
from tests.unit.room.given import (
    ANN,
    ANN_ASKS,
    ANN_SPEAKS,
    COHOST,
    HOST,
    LIVE,
    NOW,
    SCHEDULED,
    WITH_COHOST,
    Given,
)


def out(space: Space, person: str, at: datetime = NOW + timedelta(hours=1), *, heir: bool = True) -> list[Fact]:
    return space.sign_out(person, at, lambda _: heir, lambda _: True)


@pytest.mark.parametrize(
    ("before", "after"),
    [(ANN_SPEAKS, StageLeft(person_id=ANN.id, reason="left")), (ANN_ASKS, RequestCanceled(person_id=ANN.id))],
)
def test_no_place_is_kept_for_them(before: Fact, after: Fact) -> None:
    Given(*LIVE, before).when(lambda s: out(s, ANN.id)).then(after)
    Given(*LIVE, before).when(lambda s: out(s, ANN.id, NOW - timedelta(hours=1))).then()
    Given(*LIVE, before, after).when(lambda s: out(s, ANN.id)).then()


def test_a_cohost_takes_over_at_once_and_without_one_the_host_may_come_back() -> None:
    taken_over = HostChanged(host=COHOST, previous_id=HOST.id, reason="lost")
    Given(*WITH_COHOST).when(lambda s: out(s, HOST.id)).then(taken_over)
    Given(*WITH_COHOST).when(lambda s: out(s, HOST.id, heir=False)).then()
    Given(*LIVE).when(lambda s: out(s, HOST.id)).then()
    Given(*SCHEDULED).when(lambda s: out(s, HOST.id)).then()
