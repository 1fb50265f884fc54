"""`rostrum erase`: a person's account, deleted for ever."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from typing import Final

from contracts.people import v1
from infra.commands.common import add_var, fail
from infra.commands.connection import find_person, with_bus
from libs.bus import Bus
from libs.ids import is_id, new_id
from libs.refusal import Refusal

_LOOK: Final = 0.5
_ANSWERS: Final = 10.0
"""Seconds in which people answers at least, however short the wait for what is forgotten."""
EXAMPLES: Final = """\
examples:
  rostrum erase @ada                   says what it will do, and asks
  rostrum erase 01jd0... --yes --json  asks nothing

The account is refused everywhere at once. The command waits until no process can read what the person wrote or hear
what they said, some minutes at most. It can be ended and run again: erasing goes on without it. The exit code is 0 when
the person is forgotten, 1 when that is not so yet or was refused.
"""
_WHAT: Final = """\
This deletes the account of {who} for ever. Nobody can undo it, and no backup brings it back.

  - They are signed out everywhere and can never sign in again. Nobody else gets their handle for some weeks.
  - They leave every Space. One that they host goes to a co-host, or ends. What they scheduled is canceled.
  - Their name, profile, words and voice become unreadable: in Spaces, transcripts, replays, search and analytics.
  - The log keeps their id, and reports about them keep what was reported.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `erase`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    parser.add_argument("person", metavar="PERSON", help="a person's id, or @handle")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="what was done, as JSON")
    parser.add_argument(
        "--timeout", type=float, default=900.0, metavar="SECONDS",
        help="how long to wait until the person is forgotten (default: %(default).0f)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Erase, and wait; 0 when the person is forgotten."""
    return with_bus(options, lambda bus: _erase(bus, options))


async def _erase(bus: Bus, options: argparse.Namespace) -> int:
    erasure = None
    if is_id(options.person):
        erasure = await _so_far(bus, options.person)
    if erasure is None:
        person = await find_person(bus, options.person)
        _confirm(person, options)
        command = v1.ErasePerson(command_id=new_id(), operator=True, person_id=person.id, confirmation=person.id)
        erasure = (await bus.ask(command)).result
        _say(options, f"{person.id} is erased: refused everywhere from now on")
    else:
        _say(options, f"{erasure.person_id} was erased at {erasure.erased_at:%Y-%m-%d %H:%M:%S %Z} already")
    return await _until_forgotten(bus, erasure, options)


async def _so_far(bus: Bus, person_id: str) -> v1.Erasure | None:
    try:
        return (await bus.ask(v1.ErasureQuery(operator=True, person_id=person_id))).result
    except Refusal as no:
        if no.reason != "person_unknown":
            raise
        return None


def _confirm(person: v1.Person, options: argparse.Namespace) -> None:
    if options.yes:
        return
    if options.json or not sys.stdin.isatty():
        fail("nobody is there to confirm it: add --yes", 2)
    print(_WHAT.format(who=f"{person.name} (@{person.handle}, {person.id})"))
    try:
        typed = input(f"Type @{person.handle} to delete it: ")
    except EOFError:
        typed = ""
    if typed.strip().removeprefix("@").lower() != person.handle.lower():
        fail("nothing was deleted")


async def _until_forgotten(bus: Bus, erasure: v1.Erasure, options: argparse.Namespace) -> int:
    began = time.monotonic()
    if erasure.forgotten_at is None:
        _say(options, "waiting until no process has a key of theirs any more")
    while erasure.forgotten_at is None and time.monotonic() < began + options.timeout:
        await asyncio.sleep(_LOOK)
        query = v1.ErasureQuery(operator=True, person_id=erasure.person_id)
        erasure = (await bus.ask(query, timeout=max(options.timeout, _ANSWERS))).result
    if options.json:
        print(erasure.model_dump_json())
    elif erasure.forgotten_at is not None:
        print(f"{erasure.person_id} is forgotten: nobody can read what they wrote or hear what they said")
    if erasure.forgotten_at is None:
        fail(f"{erasure.person_id} is erased, and not forgotten yet: run this again to wait on")
    return 0


def _say(options: argparse.Namespace, text: str) -> None:
    if not options.json:
        print(text, flush=True)
