"""What a store keeps in memory of what was committed last."""

from datetime import UTC, datetime
from typing import cast

import pytest

from libs.eventstore.condition import Condition
from libs.eventstore.facts import Fact, Notification, Record
from libs.eventstore.log import Log
from libs.eventstore.recorder import Recorder


def committed(*ids: int) -> list[Notification]:
    return [Notification(id, "a", id, Record(fact=Fact(), at=datetime.now(UTC))) for id in ids]


@pytest.mark.parametrize(
    "groups",
    [((1, 2), (3, 5, 6)), ((1, 2, 3), (5, 6)), ((1,), (3,), (5, 6)), ((1, 2, 3, 5, 6),), ((1, 3, 5), (), (6,))],
)
def test_nobody_who_follows_misses_what_another_process_committed_in_between(
    groups: tuple[tuple[int, ...], ...],
) -> None:
    log = Log(cast(Recorder, None), Condition())
    for group in groups:
        log.append(committed(*group))
    told = [[notification.id for notification in log.newest(after, 10)] for after in range(7)]
    assert told == [[], [], [], [], [5, 6], [6], []], "4 lies between, and is read from the database"
