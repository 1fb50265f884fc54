"""Tests marked `browser` are skipped where there is no Chromium, and named at the end; the longest file comes first."""

from __future__ import annotations

from typing import Final

import pytest

from tests.support.chromium import HOW_TO_GET_IT, find_chromium

NO_CHROMIUM: Final = "no Chromium"
LONGEST: Final = "test_demo.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Nearly two minutes of people talking: begun first, they run beside all the rest (see `make test`).
    items.sort(key=lambda item: item.path.name != LONGEST)
    if find_chromium() is not None:
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    left_out = [report.nodeid for report in skipped if NO_CHROMIUM in str(report.longrepr)]
    if left_out:
        terminalreporter.section("did not run: there is no Chromium")
        for name in sorted(left_out):
            terminalreporter.write_line(f"  {name}")
        terminalreporter.write_line(f"To get it: {HOW_TO_GET_IT}")
