"""When a process that died is started again, and when not."""

from __future__ import annotations

import itertools

from infra.launcher.process import LONGEST_DELAY_SECONDS, QUICK_DEATHS, STEADY_SECONDS, Process, restart_delay


def test_the_first_death_costs_no_wait_and_the_wait_grows_to_its_limit() -> None:
    delays = [restart_delay(deaths) for deaths in range(1, 20)]
    assert delays[0] == 0
    assert all(one <= other for one, other in itertools.pairwise(delays))
    assert delays[-1] == LONGEST_DELAY_SECONDS


def test_quick_deaths_in_a_row_end_in_giving_up() -> None:
    process = Process("room")
    answers = []
    for number in range(QUICK_DEATHS):
        process.started(100 + number, now=number)
        process.became_ready({}, now=number)
        answers.append(process.died(now=number + 0.5))
    assert answers[-1] is None
    assert None not in answers[:-1]


def test_a_process_that_was_steady_is_forgiven() -> None:
    process = Process("room")
    for start in range(0, 1000, 100):
        process.started(1, now=start)
        process.became_ready({}, now=start)
        assert process.died(now=start + STEADY_SECONDS) == 0
    assert process.deaths == 1


def test_one_that_never_became_ready_is_not_steady_however_long_it_took() -> None:
    process = Process("room")
    process.started(1, now=0)
    assert process.died(now=1000) == 0
    process.started(2, now=1000)
    assert process.died(now=2000) == restart_delay(2)
