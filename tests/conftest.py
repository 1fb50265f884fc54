"""Tests marked `browser` are skipped where there is no Chromium, and named at the end; the longest file comes first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pytest

from libs.database import Database, Place
from tests.support.chromium import HOW_TO_GET_IT, find_chromium
from tests.support.postgres import HOW_TO_GET_IT as HOW_TO_GET_POSTGRES
from tests.support.postgres import PostgresServer, binaries, running_postgres

NO_CHROMIUM: Final = "no Chromium"
LONGEST: Final = "test_demo.py"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server for all tests of this process, each with a database of its own."""
    if binaries() is None:
        pytest.skip(f"no PostgreSQL: {HOW_TO_GET_POSTGRES}")
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def new_place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Place]:
    """Makes places for event stores of a name, none like the other, in either database."""
    if request.param == "sqlite":
        return lambda name: tmp_path_factory.mktemp("stores") / f"{name}.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return lambda name: Database(server.new_database(), name)


@pytest.fixture
def place(new_place: Callable[[str], Place]) -> Place:
    return new_place("count")


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
