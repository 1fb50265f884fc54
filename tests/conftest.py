"""How the suite runs: what one worker runs together and begins with, which servers are shared, and without Chromium."""

from __future__ import annotations

import faulthandler
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from libs.database import Database, Place
from tests.support.chromium import HOW_TO_GET_IT, find_chromium
from tests.support.postgres import HOW_TO_GET_IT as HOW_TO_GET_POSTGRES
from tests.support.postgres import PostgresServer, binaries, running_postgres

NO_CHROMIUM: Final = "no Chromium"
LONGEST: Final = ("tests/e2e/test_demo.py", "tests/e2e/page/", "tests/e2e/")
"""What takes longest, longest first. Begun first, it runs beside all the rest (see `make test`)."""
TOGETHER: Final = ("tests/e2e/page/", "tests/integration/moderation/")
"""Folders whose files share a running system: one worker has all of a folder, and starts it once."""

TEARDOWN: Final = 150.0
"""Seconds that the end of a test may take, before its worker is ended."""

MEMORY: Final = Path("/dev/shm")
ROOM: Final = 4 * 1024**3
"""Bytes that must be free there."""

# Every process that a test starts would compile our sources anew where the environment forbids to keep bytecode.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# No test takes the power away: a store that syncs to memory keeps as much over the kill of a process as one on a disk.
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


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


class _Scheduling(LoadFileScheduling):  # type: ignore[misc]  # published without types
    """A file is what one worker runs, or a folder that shares a system."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return _Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: next((n for n, it in enumerate(LONGEST) if item.nodeid.startswith(it)), len(LONGEST)))
    if find_chromium() is not None:
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Iterator[None]:
    # pytest-timeout gives a test that failed no limit for its end.
    faulthandler.dump_traceback_later(TEARDOWN, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    left_out = [report.nodeid for report in skipped if NO_CHROMIUM in str(report.longrepr)]
    if left_out:
        terminalreporter.section("did not run: there is no Chromium")
        for name in sorted(left_out):
            terminalreporter.write_line(f"  {name}")
        terminalreporter.write_line(f"To get it: {HOW_TO_GET_IT}")
