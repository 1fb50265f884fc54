"""Tests marked `browser` are skipped where there is no Chromium, and named at the end."""

from __future__ import annotations

import pytest

from tests.support.chromium import HOW_TO_GET_IT, find_chromium

_left_out = pytest.StashKey[list[str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanting = [item for item in items if item.get_closest_marker("browser")]
    config.stash[_left_out] = []
    if not wanting or find_chromium() is not None:
        return
    for item in wanting:
        item.add_marker(pytest.mark.skip(reason="no Chromium"))
    config.stash[_left_out] = [item.nodeid for item in wanting]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left_out = config.stash.get(_left_out, [])
    if left_out:
        terminalreporter.section("did not run: there is no Chromium")
        for name in left_out:
            terminalreporter.write_line(f"  {name}")
        terminalreporter.write_line(f"To get it: {HOW_TO_GET_IT}")
