"""What is installed is what the lock files say, wherever they are served from."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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


def test_the_lock_of_the_page_has_hashes_and_no_addresses() -> None:
    text = (ROOT / "infra" / "page" / "package-lock.json").read_text()
    assert "://" not in text
    packages = {name: package for name, package in json.loads(text)["packages"].items() if name}
    assert "node_modules/typescript" in packages
    assert [name for name, package in packages.items() if "integrity" not in package] == []


def test_the_locks_hold_what_is_asked_for() -> None:
    assert wanted() <= locked("requirements.lock")
    assert wanted("build", "dev") <= locked("requirements-dev.lock")
    assert locked("requirements.lock") <= locked("requirements-dev.lock")


def test_what_runs_does_not_need_what_tests() -> None:
    assert locked("requirements.lock").isdisjoint({"pytest", "ruff", "mypy", "playwright", "maturin"})


def named_paths(table: Mapping[str, Any]) -> Iterator[str]:
    """The files, folders and patterns that a table of pyproject.toml names, and the tables in it."""
    for key, value in table.items():
        if key in {"readme", "license-files", "packages", "exclude", "extend-exclude", "testpaths"}:
            yield from [value] if isinstance(value, str) else value
        elif key.endswith("per-file-ignores"):
            yield from value
        elif isinstance(value, dict):
            yield from named_paths(value)


def test_every_path_in_pyproject_is_there() -> None:
    named = list(named_paths(tomllib.loads((ROOT / "pyproject.toml").read_text())))
    assert {"README.md", "contracts", "tests/unit"} <= set(named)
    patterns = [f":(glob){path}" for path in named]
    found = subprocess.run(
        ["git", "ls-files", "--error-unmatch", *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr


def test_help_names_every_target() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in (
        "help",
        "setup",
        "install",
        "run",
        "test",
        "soak",
        "demo",
        "check",
        "fuzz",
        "contracts",
        "bench",
        "clean",
    ):
        assert f"make {target} " in shown


RUNS = {"run", "Popen", "call", "check_call", "check_output", "create_subprocess_exec", "which"}
COMES_WITH = {
    "bash": "every Debian",
    "mount": "every Debian",
    "umount": "every Debian",
    "systemd-analyze": "Debian's systemd; without it that test is named as not run",
    "nats-server": "a wheel in requirements.lock",
    "cargo": "the Rust toolchain; without it maturin gets one, and those tests are named as not run",
}
"""Programs that tests run and that nobody needs to install for them."""


def programs(path: Path) -> Iterator[str]:
    """Those that a file of tests runs, as far as it names them where it runs them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[0]
        if isinstance(first, ast.List | ast.Tuple) and first.elts:
            first = first.elts[0]
        program = first.value if isinstance(first, ast.Constant) else None
        if called in RUNS and isinstance(program, str) and not program.isupper():  # a method of HTTP
            yield program


def test_no_test_runs_a_program_that_is_not_installed_for_it() -> None:
    named = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    files = [path for path in (ROOT / "tests").rglob("*.py") if "bench" not in path.parts]
    found = {program for path in files for program in programs(path)}
    assert {"git", "make", "postgres"} <= found
    missing = {
        program
        for program in found - COMES_WITH.keys()
        if not all(re.search(rf"\b{re.escape(program)}", text) for text in named)
    }
    assert missing == set()
