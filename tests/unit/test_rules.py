"""The tables of rules and of promises, and the tests they name, are true."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parents[1]
TABLES: Final = {"rules.md": 70, "promises.md": 60}
"""How many rows each has at least."""
_PYTHON: Final = re.compile(r"^\s*(?:async )?def (\w+)\(", re.MULTILINE)
_RUST: Final = re.compile(r"#\[test\]\s+(?:#\[.*\]\s+)*fn (\w+)")
_NEXT: Final = re.compile(r", (?=[\w./]+::)")


def _lines(table: str) -> list[str]:
    return [line for line in (TESTS / table).read_text().splitlines() if line.startswith("| ")]


ROWS: Final = [line.strip("|\n ").split(" | ") for table in TABLES for line in _lines(table) if "::" in line]


@cache
def _names(path: str) -> frozenset[str]:
    """What a file has: functions of Python, tests of Rust, or rows of benchmarks."""
    text = (TESTS / path).read_text()
    match Path(path).suffix:
        case ".py":
            return frozenset(_PYTHON.findall(text))
        case ".rs":
            return frozenset(_RUST.findall(text))
        case _:
            return frozenset(row["name"] for rows in tomllib.loads(text).values() for row in rows)


@pytest.mark.parametrize(("rule", "tests"), ROWS, ids=[rule for rule, _ in ROWS])
def test_the_tests_of_a_rule_exist(rule: str, tests: str) -> None:
    for test in _NEXT.split(tests):
        path, _, name = test.strip().partition("::")
        assert name in _names(path), f"{rule}: {test}"


@pytest.mark.parametrize("table", TABLES)
def test_every_line_of_the_table_names_a_test(table: str) -> None:
    lines = [line for line in _lines(table) if not line.startswith(("| Rule ", "| Promise "))]
    assert all("::" in line for line in lines)
    assert len(lines) > TABLES[table]
