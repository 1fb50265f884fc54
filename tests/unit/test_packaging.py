"""What is installed is what the lock files say, wherever they are served from."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def locked(name: str) -> set[str]:
    """The packages in a lock file."""
    return set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", (ROOT / name).read_text(), re.MULTILINE))


def wanted(*extras: str) -> set[str]:
    """The packages that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return {re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower() for each in lists for requirement in each}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_and_no_addresses(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    for block in re.split(r"\n(?=[a-z0-9])", text.strip()):
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_locks_hold_what_is_asked_for() -> None:
    assert wanted() <= locked("requirements.lock")
    assert wanted("build", "dev") <= locked("requirements-dev.lock")
    assert locked("requirements.lock") <= locked("requirements-dev.lock")


def test_what_runs_does_not_need_what_tests() -> None:
    assert locked("requirements.lock").isdisjoint({"pytest", "ruff", "mypy", "playwright", "maturin"})


def test_help_names_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("help", "setup", "run", "test", "soak", "demo", "check", "contracts", "bench", "clean"):
        assert f"make {target} " in shown
