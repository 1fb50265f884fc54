"""The table of rules and their tests is true."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parents[1]
LINES: Final = [line for line in (TESTS / "rules.md").read_text().splitlines() if line.startswith("| ")]
ROWS: Final = [line.strip("|\n ").split(" | ") for line in LINES if "::" in line]


@cache
def _names(path: str) -> frozenset[str]:
    tree = ast.parse((TESTS / path).read_text())
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize(("rule", "tests"), ROWS, ids=[rule for rule, _ in ROWS])
def test_the_tests_of_a_rule_exist(rule: str, tests: str) -> None:
    for test in tests.split(", "):
        path, _, name = test.strip().partition("::")
        assert name in _names(path), f"{rule}: {test}"


def test_every_line_of_the_table_names_a_test() -> None:
    assert len([line for line in LINES if not line.startswith("| Rule ")]) == len(ROWS)
    assert len(ROWS) > 70
