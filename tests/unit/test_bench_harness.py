"""A figure is held against what was asked for, and a figure that is missing is missed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import harness
from tests.bench.__main__ import main
from tests.bench.harness import Reference, Row, judge, quantile, table

TARGETS: dict[str, list[dict[str, Any]]] = {
    "part": [
        {"name": "fast", "target": "at most 5 s", "at_most": 5.0},
        {"name": "many", "target": "at least 0.9 of the peer", "at_least": 0.9, "of": "ratio"},
    ],
    "peers": [{"name": "peer", "target": "reported where it is installed"}],
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


def test_a_figure_that_is_to_be_reported_only_may_need_what_is_not_here() -> None:
    there = judge("peers", [Row("peer", 3.0, "us", "")], TARGETS)
    without = judge("peers", [Row("peer", None, "", "not installed")], TARGETS)
    assert [row["met"] for row in (*there, *without, *judge("peers", [], TARGETS))] == [True, True, False]
    assert judge("part", [Row("fast", None, "s", "not installed")], TARGETS)[0]["met"] is False


def test_a_row_nobody_asked_for_is_reported_only() -> None:
    assert judge("other", [Row("extra", 1, "s", "idle")], TARGETS)[0]["met"] is None


def test_the_report_is_written_as_promised(tmp_path: Path) -> None:
    judged = harness.report("start", [], tmp_path)
    written = json.loads((tmp_path / "bench" / "start.json").read_text())
    assert written == judged
    assert {"name", "value", "unit", "reference", "ratio", "target", "met", "conditions"} == set(written[0])
    assert all(row["met"] is False for row in written), "every target of the part is missed"
    assert "MISSED" in harness.table("start", judged)


def test_a_part_that_does_not_exist_is_refused_with_those_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["nonsense"])
    assert ended.value.code == 2
    assert "media" in capsys.readouterr().err


def test_quantiles_are_nearest_rank() -> None:
    assert quantile(range(1, 101), 0.5) == 50
    assert quantile(range(1, 101), 0.99) == 99
    assert quantile([7], 0.99) == 7


def test_a_row_whose_reference_is_zero_has_no_ratio_and_is_printed() -> None:
    row = Row("words wrong", 2, "words", "of 71", Reference("the engine alone", 0))
    assert "the engine alone: 0, ratio -" in table("captions", judge("captions", [row], {}))
