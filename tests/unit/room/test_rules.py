"""The table of rules and tests is true; and what the wire itself keeps of the rules."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from contracts.room import v1

TESTS = Path(__file__).parents[2]
ROWS = [
    line.strip("|\n ").split(" | ")
    for line in Path(__file__).with_name("rules.md").read_text().splitlines()
    if line.startswith("| ") and "::" in line
]


@pytest.mark.parametrize(("rule", "tests"), [(rule, tests) for rule, tests in ROWS], ids=[rule for rule, _ in ROWS])
def test_the_tests_of_a_rule_exist(rule: str, tests: str) -> None:
    for test in tests.split(", "):
        path, _, name = test.strip().partition("::")
        tree = ast.parse((TESTS / path).read_text())
        names = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in names, f"{rule}: {test}"


def test_every_line_of_the_table_names_a_test() -> None:
    lines = [
        line
        for line in Path(__file__).with_name("rules.md").read_text().splitlines()
        if line.startswith("| ") and not re.match(r"\| Rule \|", line)
    ]
    assert len(lines) == len(ROWS)
    assert len(ROWS) > 40


def test_a_headline_has_up_to_70_characters_and_a_space_up_to_three_topics() -> None:
    v1.Settings(title="x" * 70, topics=("a", "b", "c"), lang="de-AT")
    for wrong in (
        {"title": "x" * 71},
        {"title": " "},
        {"title": "x", "topics": list("abcd")},
        {"title": "x", "lang": "?"},
    ):
        with pytest.raises(ValidationError):
            v1.Settings.model_validate(wrong)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ftp://example.org/", "https://", "http:// x", "x" * 3000])
def test_only_links_are_pinned(url: str) -> None:
    with pytest.raises(ValidationError):
        v1.PinLink.model_validate({"command_id": "1", "space_id": "0" * 26, "pin_id": "0" * 26, "url": url})
