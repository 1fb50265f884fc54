"""Rows, targets, the table and the JSON of a benchmark part."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TARGETS: Final = Path(__file__).with_name("targets.toml")


@dataclass(frozen=True, slots=True)
class Reference:
    """The floor, or a peer, measured in the same run."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `value` and the reference's value are in `unit`; `conditions` say what else it depends on, or, where
    there is no value, what it would take to measure it here."""

    name: str
    value: float | None
    unit: str
    conditions: str
    reference: Reference | None = None

    @property
    def ratio(self) -> float | None:
        """Value over reference."""
        if self.value is None or self.reference is None or not self.reference.value:
            return None
        return self.value / self.reference.value


def quantile(values: Sequence[float], fraction: float) -> float:
    """The value below which this fraction of the values lies (nearest rank). Raises IndexError for no values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(fraction * len(ordered)) - 1)]


def machine() -> str:
    """What it was measured on, in one line."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} x {model}, Python {platform.python_version()}, load {load:.1f}"


def judge(part: str, rows: Sequence[Row], targets: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The rows as they are written, each held against its target; a target without a row is a row that is missed."""
    wanted = {target["name"]: target for target in targets.get(part, [])}
    judged = [_written(row, wanted.pop(row.name, None)) for row in rows]
    missing = [_written(Row(name, None, "", "not measured"), target) for name, target in wanted.items()]
    return judged + [row | {"met": False} for row in missing]


def _written(row: Row, target: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "name": row.name,
        "value": row.value,
        "unit": row.unit,
        "reference": {"name": row.reference.name, "value": row.reference.value} if row.reference else None,
        "ratio": row.ratio,
        "target": target["target"] if target else None,
        "met": _met(row, target) if target else None,
        "conditions": row.conditions,
    }


def _met(row: Row, target: dict[str, Any]) -> bool:
    if "at_most" not in target and "at_least" not in target:
        return True
    held = row.ratio if target.get("of") == "ratio" else row.value
    if held is None:
        return False
    return bool(held <= target.get("at_most", held) and held >= target.get("at_least", held))


def say(what: str) -> None:
    """Tells who waits what is measured now; on standard error, so that standard output is the result alone."""
    print(f"  {what} ...", file=sys.stderr, flush=True)


def report(part: str, rows: Sequence[Row], var: Path) -> list[dict[str, Any]]:
    """Writes `bench/<part>.json` and returns what stands there: each row, held against its target in `met`."""
    judged = judge(part, rows, tomllib.loads(TARGETS.read_text()))
    folder = var / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{part}.json").write_text(json.dumps(judged, indent=1) + "\n")
    return judged


def table(part: str, judged: Sequence[dict[str, Any]]) -> str:
    """The same for people."""
    lines = [f"\n{part}: {machine()}"]
    for row in judged:
        mark = {True: "met", False: "MISSED", None: ""}[row["met"]]
        value = "-" if row["value"] is None else f"{_short(row['value'])} {row['unit']}"
        lines.append(f"  {row['name']:<72} {value:>16}  {mark}")
        if row["reference"]:
            lines.append(f"      {row['reference']['name']}: {_short(row['reference']['value'])}, ratio {_ratio(row)}")
        if row["target"]:
            lines.append(f"      target: {row['target']}")
        lines.append(f"      {row['conditions']}")
    return "\n".join(lines)


def _ratio(row: dict[str, Any]) -> str:
    return "-" if row["ratio"] is None else f"{row['ratio']:.2f}"


def _short(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
