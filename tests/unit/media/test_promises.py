"""The table of promises and tests is true."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
TABLE: Final = Path(__file__).with_name("promises.md")
ROWS: Final = [
    (promise, tests)
    for line in TABLE.read_text().splitlines()
    if line.startswith("| ") and "::" in line
    for promise, tests in [line.strip("| ").split(" | ")]
]
_RUST: Final = re.compile(r"#\[test\]\s+(?:#\[.*\]\s+)*fn (\w+)")


def names_in(path: Path) -> set[str]:
    """The tests of a file: functions of Python and Rust, rows of a benchmark."""
    match path.suffix:
        case ".py":
            tree = ast.parse(path.read_text())
            return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        case ".rs":
            return set(_RUST.findall(path.read_text()))
        case _:
            return {row["name"] for row in tomllib.loads(path.read_text())["media"]}


@pytest.mark.parametrize(("promise", "tests"), ROWS, ids=[promise for promise, _ in ROWS])
def test_the_tests_of_a_promise_exist(promise: str, tests: str) -> None:
    for test in re.split(r"; |, (?=tests/|libs/)", tests):
        path, _, name = test.partition("::")
        assert name in names_in(ROOT / path), f"{promise}: {test}"


def test_every_line_of_the_table_names_a_test() -> None:
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| ") and "| Tests |" not in line]
    assert len(lines) == len(ROWS) > 60
