"""`rostrum doctor`: what does not hold on this machine, and how to mend it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from infra.commands.common import add_public, add_var, fail, public_address
from infra.commands.env_file import read_env_file
from infra.doctor import Finding, Level, Situation, examine
from infra.public_address import NotPublic

EXAMPLES: Final = """\
examples:
  rostrum doctor                                    with the settings that are in the environment
  rostrum doctor --public https://live.example.org  and what `rostrum up` with the same options would set
  rostrum doctor --env-file /etc/rostrum/rostrum.env  as the systemd unit runs it
  rostrum doctor --json                             for programs

Run it before `rostrum up` and again while that runs: then it also asks the public address. Exit code 0 when nothing
must be mended, 1 otherwise.
"""
_SIGNS: Final = {Level.GOOD: ("✓", "32"), Level.WORTH_KNOWING: ("!", "33"), Level.BAD: ("✗", "31")}


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `doctor`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    add_public(parser)
    parser.add_argument(
        "--env-file", type=Path, metavar="FILE", help="settings as systemd reads them; PUBLIC_URL in it is --public"
    )
    parser.add_argument("--json", action="store_true", help="the findings as JSON")


def run(options: argparse.Namespace) -> int:
    """0 when nothing must be mended."""
    told = {} if options.env_file is None else read_env_file(options.env_file)
    options.public = options.public or told.pop("PUBLIC_URL", None)
    options.var = Path(told.get("ROSTRUM_VAR", options.var))
    environment = {**os.environ, **told, "ROSTRUM_VAR": str(options.var)}
    try:
        if (public := public_address(options)) is not None:
            environment |= public.settings(environment)
    except NotPublic as error:
        fail(str(error), 2)
    findings = asyncio.run(_examine(Situation(environment, options.var), quiet=options.json))
    broken = sum(finding.level is Level.BAD for finding in findings)
    if options.json:
        print(json.dumps({"ok": not broken, "findings": [asdict(finding) for finding in findings]}, indent=1))
    else:
        noted = sum(finding.level is Level.WORTH_KNOWING for finding in findings)
        print(f"\n{len(findings)} checks: {broken} to mend, {noted} worth knowing")
    return 1 if broken else 0


async def _examine(situation: Situation, *, quiet: bool) -> list[Finding]:
    findings = []
    async for finding in examine(situation):
        findings.append(finding)
        if not quiet:
            print(_line(finding), flush=True)
    return findings


def _line(finding: Finding) -> str:
    sign, color = _SIGNS[finding.level]
    if sys.stdout.isatty():
        sign = f"\x1b[{color}m{sign}\x1b[0m"
    mend = f"\n{'':19}→ {finding.mend}" if finding.mend else ""
    return f"{sign} {finding.check:<16} {finding.found}{mend}"
