"""`rostrum inspect`: a Space as its stored events tell it."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from infra.commands.common import add_var, fail

if TYPE_CHECKING:
    from libs.eventstore import StoredFact

EXAMPLES = """\
examples:
  rostrum inspect 01jd0...              the Space as it is now
  rostrum inspect 01jd0... --at 12      as it was after its 12th event
  rostrum inspect 01jd0... --events     and every stored event
  rostrum inspect 01jd0... --json       as the gateway would answer

Reads the room service's store and nothing else, no snapshot and no stream; the system may run meanwhile.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `inspect`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    parser.add_argument("space", metavar="SPACE", help="the Space's id")
    parser.add_argument("--at", type=int, metavar="VERSION", help="up to this version (default: all)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--events", action="store_true", help="list the stored events too")


def run(options: argparse.Namespace) -> int:
    """Print the Space; 1 where there is none."""
    from libs.service import BadSettings
    from services.room.main import inspect, stored_facts

    if options.at is not None and options.at < 1:
        fail(f"--at {options.at}: versions are counted from 1")
    environment = {**os.environ, "ROSTRUM_VAR": str(options.var)}
    try:
        space = inspect(environment, options.space, at=options.at)
    except (BadSettings, OSError) as error:
        fail(str(error))
    if space is None:
        fail(f"no event of a Space {options.space} is stored")
    if options.at is not None and space.version < options.at:
        fail(f"Space {options.space} has no version {options.at}; its last one is {space.version}")
    if options.json:
        print(space.model_dump_json(indent=1))
        return 0
    for name, value in space.model_dump(mode="json").items():
        if value not in (None, [], ""):
            _show(name, value)
    if options.events:
        _events(stored_facts(environment, options.space), options.at)
    return 0


def _show(name: str, value: object) -> None:
    label = name.replace("_", " ")
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        print(f"{label + ':':<16} {len(value)}")
        for one in value:
            print("    " + ", ".join(f"{key} {_text(part)}" for key, part in one.items() if part not in (None, [], "")))
    else:
        print(f"{label + ':':<16} {_text(value)}")


def _text(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(_text(part) for part in value.values() if part is not None)
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value)


def _events(facts: list[StoredFact], at: int | None) -> None:
    import msgspec

    for stored in facts:
        if at is not None and stored.originator_version > at:
            break
        fields = " ".join(f"{name}={value}" for name, value in msgspec.to_builtins(stored.fact).items())
        record = stored.record
        who = record.actor or (f"API-key:{record.api_key}" if record.api_key else "system")
        print(f"{stored.originator_version:>6} {record.at:%H:%M:%S.%f} {who} {type(stored.fact).__name__} {fields}")
