"""A figure is held against what was asked for, and a figure that is missing is missed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import harness
from tests.bench.harness import Reference, Row, judge, quantile

TARGETS = {
    "part": [
        {"name": "fast", "target": "at most 5 s", "at_most": 5.0},
        {"name": "many", "target": "at least 0.9 of the peer", "at_least": 0.9, "of": "ratio"},
    ]
}


@pytest.mark.parametrize(("value", "met"), [(4.9, True), (5.0, True), (5.1, False)])
def test_a_value_is_held_against_its_limit(value: float, met: bool) -> None:
    assert judge("part", [Row("fast", value, "s", "")], TARGETS)[0]["met"] is met


@pytest.mark.parametrize(("value", "met"), [(90, True), (89, False)])
def test_a_ratio_is_held_against_its_limit(value: float, met: bool) -> None:
    judged = judge("part", [Row("many", value, "/s", "", Reference("peer", 100))], TARGETS)
    assert (judged[0]["met"], judged[0]["ratio"]) == (met, value / 100)


def test_a_row_that_is_missing_is_missed() -> None:
    judged = judge("part", [Row("fast", 1, "s", "")], TARGETS)
    assert [(row["name"], row["met"]) for row in judged] == [("fast", True), ("many", False)]


def test_a_row_nobody_asked_for_is_reported_only() -> None:
    assert judge("other", [Row("extra", 1, "s", "idle")], TARGETS)[0]["met"] is None


def test_the_report_is_written_as_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not harness.report("start", [], tmp_path)  # every target of the part is missed
    written = json.loads((tmp_path / "bench" / "start.json").read_text())
    assert {"name", "value", "unit", "reference", "ratio", "target", "met", "conditions"} == set(written[0])
    assert "MISSED" in capsys.readouterr().out


def test_quantiles_are_nearest_rank() -> None:
    assert quantile(range(1, 101), 0.5) == 50
    assert quantile(range(1, 101), 0.99) == 99
    assert quantile([7], 0.99) == 7
