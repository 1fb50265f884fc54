"""`python -m tests.bench [PART...]`: measure, print, write `var/bench/<part>.json`.

Exit code 1 when a target is missed.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from pathlib import Path

from tests.bench.harness import report


def main(parts: list[str]) -> int:
    """Run the parts named, all without a name."""
    known = sorted(path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py"))
    unknown = [part for part in parts if part not in known]
    if unknown:
        print(f"bench: there is no part {unknown[0]!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    var = Path(os.environ.get("ROSTRUM_VAR", "var"))
    met = True
    for part in parts or known:
        print(f"measuring {part} ...", flush=True)
        rows = asyncio.run(importlib.import_module(f"tests.bench.bench_{part}").measure())
        met = report(part, rows, var) and met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
