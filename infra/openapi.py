"""The gateway's OpenAPI document, kept among the contracts: `python -m infra.openapi` writes it, `--check` compares."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import contracts
from services.gateway.http import openapi

TARGET = Path(contracts.__file__).parent / "openapi" / "gateway.json"


def main() -> int:
    """0 when the committed document is, or now is, up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 where the document is out of date")
    document = json.dumps(openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if not parser.parse_args().check:
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_text(document)
        return 0
    if TARGET.exists() and TARGET.read_text() == document:
        return 0
    sys.stderr.write("contracts: openapi/gateway.json is out of date: run `make contracts`\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
