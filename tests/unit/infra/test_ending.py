"""What the launcher makes of the end of a process."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.launcher.ending import BAD_SETTING, DATA_GONE, Ending
from infra.launcher.errors import DataGone, GaveUp, LauncherError, StartFailed
from libs.service import EXIT_BAD_SETTING, EXIT_DATA_GONE

LOG = Path("/logs/room.log")


def ending(code: int, *, was_ready: bool = True, delay: float | None = 0.1, last_words: str = "") -> Ending:
    return Ending("room", code, was_ready, delay, last_words, LOG)


@pytest.mark.parametrize(
    ("one", "starting", "failure"),
    [
        (ending(1), False, None),
        (ending(-9), False, None),
        (ending(-9, was_ready=False), True, None),
        (ending(1), True, None),
        (ending(1, was_ready=False), False, None),
        (ending(1, was_ready=False), True, StartFailed),
        (ending(BAD_SETTING, was_ready=False), False, StartFailed),
        (ending(BAD_SETTING), False, None),  # NATS crashed
        (ending(BAD_SETTING), True, None),
        (ending(DATA_GONE, delay=None), True, DataGone),
        (ending(1, delay=None), False, GaveUp),
        (ending(-9, delay=None), True, GaveUp),
    ],
)
def test_a_process_that_ended_is_started_again_unless_that_is_no_use(
    one: Ending, starting: bool, failure: type[LauncherError] | None
) -> None:
    found = one.failure(starting=starting)
    assert (None if found is None else type(found)) is failure


def test_what_is_said_of_an_ending_names_how_why_and_where_to_read_on() -> None:
    assert str(ending(2, was_ready=False, last_words="no such port").failure(starting=False)) == (
        f"room could not start: no such port (log: {LOG})"
    )
    assert str(ending(-9, delay=None, last_words="serving").failure(starting=False)) == (
        f"room keeps dying, the last time it was killed (SIGKILL) (log: {LOG})"
    )


def test_the_exit_codes_are_those_of_services() -> None:
    assert (BAD_SETTING, DATA_GONE) == (EXIT_BAD_SETTING, EXIT_DATA_GONE)
