"""`rostrum dlq`: messages that a consumer gave up on."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any, Final

from nats.aio.client import Client
from nats.js import JetStreamContext

from contracts import subjects
from infra.commands.common import add_var, fail
from infra.commands.connection import with_nats
from libs.bus.dead_letters import Letter, read_letter, read_letters, retry_letter

_CAPTURED: Final = subjects.CAPTURE_SUBJECTS.removesuffix("*.*")
_TOGETHER: Final = 500
"""Letters of one session that are handed over at once: about a minute."""

EXAMPLES = """\
examples:
  rostrum dlq list                                what is there, the oldest first
  rostrum dlq list --consumer people-spaces       of one consumer
  rostrum dlq show 3                              headers, reason and body of letter 3
  rostrum dlq retry 3                             hand it to its consumer again
  rostrum dlq retry --all --consumer people-spaces

A letter goes to the one consumer that gave it up, everybody else has had the message; it is removed once that consumer
has handled it. The exit code is 1 when a letter was not handled.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `dlq`."""
    parser.epilog = EXAMPLES
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    shown = actions.add_parser("list", help="what is there")
    show = actions.add_parser("show", help="all of one letter")
    retry = actions.add_parser("retry", help="hand letters to their consumers again")
    for action in (shown, show, retry):
        add_var(action)
        action.add_argument("--json", action="store_true", help="as JSON, one object a line")
    for action in (shown, retry):
        action.add_argument("--consumer", default="*", metavar="NAME", help="of this consumer only")
    show.add_argument("number", type=int, metavar="NUMBER", help="the letter's number in the list")
    retry.add_argument("numbers", type=int, nargs="*", metavar="NUMBER", help="their numbers in the list")
    retry.add_argument("--all", action="store_true", help="every letter (of --consumer)")
    retry.add_argument(
        "--timeout", type=float, default=30.0, metavar="SECONDS",
        help="how long each consumer may take to answer (default: %(default).0f)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Do it; 1 where a letter could not be handled or does not exist."""
    if options.action == "retry" and bool(options.numbers) == options.all:
        fail("say which letters: their numbers, or --all", 2)
    match options.action:
        case "list":
            return with_nats(options, lambda _, js: _list(js, options))
        case "show":
            return with_nats(options, lambda _, js: _show(js, options))
        case _:
            return with_nats(options, lambda nc, js: _retry(nc, js, options))


async def _list(js: JetStreamContext, options: argparse.Namespace) -> int:
    count = 0
    async for letter in read_letters(js, options.consumer):
        count += 1
        if options.json:
            print(json.dumps(_fields(letter)))
        else:
            print(f"{letter.number:>6}  {letter.buried_at:%Y-%m-%d %H:%M:%S}  {letter.consumer:<24} {letter.origin}")
            print(f"        {letter.reason}")
    if not count and not options.json:
        print("no dead letters")
    return 0


async def _show(js: JetStreamContext, options: argparse.Namespace) -> int:
    letter = await read_letter(js, options.number) if options.number > 0 else None
    if letter is None:
        fail(f"there is no dead letter {options.number}")
    if options.json:
        print(json.dumps(_fields(letter) | {"headers": dict(letter.headers), "body": _body(letter)}))
        return 0
    print(f"letter:    {letter.number}, given up by {letter.consumer} ({letter.service}) at {letter.buried_at:%c}")
    print(f"reason:    {letter.reason}")
    print(f"published: {letter.origin}, message {letter.sequence or 'unknown'} of its stream")
    for name, value in sorted(letter.headers.items()):
        print(f"  {name}: {value}")
    body = _body(letter)
    print(body if isinstance(body, str) else json.dumps(body, indent=1, ensure_ascii=False))
    return 0


async def _retry(nc: Client, js: JetStreamContext, options: argparse.Namespace) -> int:
    letters: list[Letter] = []
    if options.all:
        letters = [letter async for letter in read_letters(js, options.consumer)]
    for number in options.numbers:
        letter = await read_letter(js, number) if number > 0 else None
        if letter is None:
            fail(f"there is no dead letter {number}")
        letters.append(letter)
    failed = 0
    async for letter, reason in _handed_over(nc, js, letters, options.timeout):
        failed += reason is not None
        if options.json:
            print(json.dumps({"number": letter.number, "handled": reason is None, "reason": reason}))
        elif reason is None:
            print(f"{letter.number}: {letter.consumer} handled it")
        else:
            print(f"{letter.number}: not handled: {reason}", file=sys.stderr)
    if not letters and not options.json:
        print("no dead letters")
    return 1 if failed else 0


async def _handed_over(
    nc: Client, js: JetStreamContext, letters: list[Letter], timeout: float
) -> AsyncIterator[tuple[Letter, str | None]]:
    """Each letter, and why it was not handled. What one session said goes together: it may be one sentence."""

    groups: dict[tuple[str, str | int], list[Letter]] = {}
    for letter in letters:
        captured = letter.origin.startswith(_CAPTURED)
        groups.setdefault((letter.consumer, letter.origin if captured else letter.number), []).append(letter)
    for group in groups.values():
        for start in range(0, len(group), _TOGETHER):
            some = group[start : start + _TOGETHER]
            reasons = await asyncio.gather(*(retry_letter(nc, js, letter, timeout=timeout) for letter in some))
            for done in zip(some, reasons, strict=True):
                yield done


def _fields(letter: Letter) -> dict[str, Any]:
    return {
        "number": letter.number,
        "service": letter.service,
        "consumer": letter.consumer,
        "subject": letter.origin,
        "sequence": letter.sequence,
        "reason": letter.reason,
        "buried_at": letter.buried_at.isoformat(),
        "bytes": len(letter.data),
    }


def _body(letter: Letter) -> Any:
    """JSON where it is JSON, text where it is text, hexadecimal otherwise."""
    try:
        return json.loads(letter.data)
    except ValueError:
        pass
    try:
        return letter.data.decode()
    except UnicodeDecodeError:
        return letter.data.hex()
