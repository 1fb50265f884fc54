"""`python -m tests.bench [PART...]`: measure, print, write `var/bench/<part>.json`.

Exit code 1 when a target is missed, 2 for a part that does not exist.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.bench.harness import report, say, table
from tests.support.roomy import raise_limits


def main(arguments: list[str]) -> int:
    """Runs the parts named, all without a name."""
    known = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measures, prints a table, and writes var/bench/PART.json. Exit code 1: a target is missed.",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"what to measure: {', '.join(known)} (all)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON instead of a table")
    options = parser.parse_args(arguments)
    for part in options.parts:
        if part not in known:
            parser.error(f"there is no part {part!r}; there are {', '.join(known)}")
    raise_limits()
    var = Path(os.environ.get("ROSTRUM_VAR", "var"))
    results: dict[str, list[dict[str, Any]]] = {}
    for part in options.parts or known:
        say(f"measuring {part}")
        rows = asyncio.run(importlib.import_module(f"tests.bench.bench_{part}").measure())
        results[part] = report(part, rows, var)
        if not options.json:
            print(table(part, results[part]), flush=True)
    if options.json:
        print(json.dumps(results, indent=1))
    return 0 if all(row["met"] is not False for rows in results.values() for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
