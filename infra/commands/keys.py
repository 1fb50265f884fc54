"""`rostrum keys`: API keys, with which servers of the host product act here."""

from __future__ import annotations

import argparse
import json
from datetime import datetime
from typing import Final, get_args

from contracts.commands import R, Request
from contracts.people.v1 import (
    ApiKeyScope,
    ApiKeysQuery,
    IssueApiKey,
    RevokeApiKey,
    RotateApiKey,
)
from infra.commands.common import add_var, fail
from infra.commands.connection import with_bus
from libs.bus import Bus
from libs.identity.api_keys import digest_of_key, new_secret
from libs.ids import is_id, new_id

_SCOPES: Final = get_args(ApiKeyScope)
EXAMPLES: Final = """\
examples:
  rostrum keys create "the app" --for people --for relations
  rostrum keys list
  rostrum keys rotate 01jd0... --keep 3600  the one before is good for an hour more
  rostrum keys revoke 01jd0...

A key is shown once, when it is made: only its digest is kept. docs/server-api.md says what it opens.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `keys`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    parser.add_argument("--json", action="store_true", help="the answer as JSON")
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    create = what.add_parser("create", help="make a key")
    create.add_argument("name", help="what it is called in the list")
    create.add_argument(
        "--for", dest="scopes", action="append", required=True, choices=_SCOPES, help="what it may do; again for more"
    )
    what.add_parser("list", help="every key, and when it was used last")
    rotate = what.add_parser("rotate", help="replace a key")
    rotate.add_argument("key", metavar="ID")
    rotate.add_argument(
        "--keep", type=int, default=86_400, metavar="SECONDS", help="for how long the one before is good (a day)"
    )
    what.add_parser("revoke", help="make a key worthless, at once").add_argument("key", metavar="ID")


def run(options: argparse.Namespace) -> int:
    """Do it; 0 when it is done."""
    match options.what:
        case "create":
            return _made(options, None)
        case "rotate":
            return _made(options, _id(options.key))
        case "revoke":
            order = RevokeApiKey(command_id=new_id(), operator=True, key_id=_id(options.key))
            key = with_bus(options, lambda bus: _ask(bus, order))
            print(key.model_dump_json() if options.json else f"{key.name} ({key.id}) opens nothing any more")
            return 0
        case _:
            return _list(options)


def _made(options: argparse.Namespace, id: str | None) -> int:
    key_id, text = new_secret(id)
    head = {"command_id": new_id(), "operator": True, "key_id": key_id, "digest": digest_of_key(text)}
    try:
        order = (
            IssueApiKey.model_validate({**head, "title": options.name, "scopes": options.scopes})
            if id is None
            else RotateApiKey.model_validate({**head, "keep_seconds": options.keep})
        )
    except ValueError:
        fail("a name has 1 to 100 letters, and a key is kept for 30 days at most", 2)
    key = with_bus(options, lambda bus: _ask(bus, order))
    if options.json:
        print(json.dumps({**key.model_dump(mode="json"), "key": text}))
    else:
        print(f"{text}\n\n{key.name} ({key.id}), for {', '.join(key.scopes)}. It is not shown again.")
    return 0


def _list(options: argparse.Namespace) -> int:
    keys = with_bus(options, lambda bus: _ask(bus, ApiKeysQuery(operator=True))).keys
    if options.json:
        print(json.dumps([key.model_dump(mode="json") for key in keys]))
        return 0
    for key in keys:
        used = "revoked" if key.revoked else f"last used {_shown(key.last_used_at)}"
        print(f"{key.id}  {used:<27}  {key.name}: {', '.join(key.scopes)}")
    return 0


def _shown(at: datetime | None) -> str:
    return "never" if at is None else f"{at:%Y-%m-%d %H:00}"


def _id(given: str) -> str:
    return given if is_id(given) else fail(f"{given!r} is no key's id", 2)


async def _ask(bus: Bus, request: Request[R]) -> R:
    return (await bus.ask(request)).result
