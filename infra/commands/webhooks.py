"""`rostrum webhooks`: where servers of the host product are told of events, and what was sent to them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn, TypeVar, get_args

from pydantic import BaseModel

from contracts.commands import Request
from contracts.envelope import Model
from contracts.notifications import v1
from contracts.people.v1 import ApiKeyScope
from infra.commands.common import add_var, fail
from infra.commands.connection import with_bus
from libs.bus import Bus
from libs.ids import is_id, new_id

R = TypeVar("R", bound=Model)
_RIGHTS: Final = tuple(right for right in get_args(ApiKeyScope) if right not in ("spaces", "webhooks"))
_PATIENCE: Final = 90.0
EXAMPLES: Final = """\
examples:
  rostrum webhooks add https://app.example.org/hooks/rostrum --for events
  rostrum webhooks add https://app.example.org/hooks/rostrum --for events --event room.started --event room.ended
  rostrum webhooks list
  rostrum webhooks test 01jd3...
  rostrum webhooks log 01jd3... --failed
  rostrum webhooks replay 01jd3... --hours 2 --failed
  rostrum webhooks rotate 01jd3... --keep 3600  the secret before signs for an hour more
  rostrum webhooks resume 01jd3...
  rostrum webhooks remove 01jd3...

A secret is shown once, when it is made. docs/webhooks.md says how to receive events.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `webhooks`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    parser.add_argument("--json", action="store_true", help="the answer as JSON")
    what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
    what.add_parser("list", help="every webhook, and how it is doing")
    add = what.add_parser("add", help="tell an address of events from now on")
    add.add_argument("url", metavar="URL")
    add.add_argument(
        "--for",
        dest="rights",
        action="append",
        required=True,
        choices=_RIGHTS,
        help="what it may be told; again for more",
    )
    add.add_argument(
        "--event", dest="events", action="append", default=[], metavar="TYPE",
        help="what it wants of that, as room.started or room.*; again for more (all)",
    )  # fmt: skip
    rotate = _of_one(what, "rotate", "make another secret")
    rotate.add_argument(
        "--keep", type=int, default=86_400, metavar="SECONDS", help="for how long the one before signs too (a day)"
    )
    _of_one(what, "pause", "send nothing for now; what happens waits")
    _of_one(what, "resume", "send again, beginning with what waits")
    _of_one(what, "remove", "forget it, and everything that waits for it")
    _of_one(what, "test", "send an event of the type `test` at once")
    log = _of_one(what, "log", "what was sent, newest first")
    log.add_argument("--failed", action="store_true", help="only what did not succeed")
    log.add_argument("--message", metavar="ID", help="of one event alone")
    log.add_argument("--limit", type=int, default=50, metavar="N", help="how many (50)")
    replay = _of_one(what, "replay", "send again what is kept")
    replay.add_argument("--message", metavar="ID", help="one event")
    replay.add_argument("--hours", type=float, metavar="N", help="everything of the last hours")
    replay.add_argument("--failed", action="store_true", help="of that, what was given up")


def _of_one(what: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str) -> argparse.ArgumentParser:
    parser = what.add_parser(name, help=text)
    parser.add_argument("webhook", metavar="ID")
    return parser


def run(options: argparse.Namespace) -> int:
    """Do it; 0 when it is done, 1 where a test was not taken."""
    return _WHAT[options.what](options)


def _list(options: argparse.Namespace) -> int:
    found = _ask(options, lambda bus: _answer(bus, v1.WebhooksQuery(operator=True))).webhooks
    if options.json:
        print(json.dumps([one.model_dump(mode="json") for one in found]))
        return 0
    for one in found:
        print(f"{one.id}  {_state(one):<22}  {one.url}  {', '.join(one.events) or 'everything'}")
    return 0


def _add(options: argparse.Namespace) -> int:
    given = {"url": options.url, "events": options.events, "rights": options.rights}
    return _with_secret(options, _order(v1.AddWebhook, options, webhook_id=new_id(), **given))


def _rotate(options: argparse.Namespace) -> int:
    return _with_secret(options, _order(v1.RotateWebhookSecret, options, keep_seconds=options.keep))


def _with_secret(options: argparse.Namespace, order: Request[v1.WebhookWithSecret]) -> int:
    made = _ask(options, lambda bus: _answer(bus, order))
    if options.json:
        print(made.model_dump_json())
    else:
        print(f"{made.secret}\n\n{made.url} ({made.id}). The secret is not shown again.")
    return 0


def _change(kind: type[Request[v1.Webhook]], text: str) -> Callable[[argparse.Namespace], int]:
    def run(options: argparse.Namespace) -> int:
        order = _order(kind, options)
        changed = _ask(options, lambda bus: _answer(bus, order))
        print(changed.model_dump_json() if options.json else f"{changed.url} ({changed.id}) {text}")
        return 0

    return run


def _test(options: argparse.Namespace) -> int:
    order = _order(v1.SendTest, options)
    sent = _ask(options, lambda bus: _answer(bus, order))
    if options.json:
        print(sent.model_dump_json())
    else:
        print(
            f"{sent.message_id}: {sent.outcome} in {sent.milliseconds} ms" + (f", {sent.error}" if sent.error else "")
        )
    return 0 if sent.outcome is v1.Outcome.DELIVERED else 1


def _log(options: argparse.Namespace) -> int:
    query = _made(
        v1.DeliveriesQuery, operator=True, webhook_id=_id(options.webhook), failed=options.failed,
        message_id=options.message, limit=options.limit,
    )  # fmt: skip
    found = _ask(options, lambda bus: _answer(bus, query)).deliveries
    if options.json:
        print(json.dumps([one.model_dump(mode="json") for one in found]))
        return 0
    for one in found:
        why = f"  {one.error}" if one.error else ""
        print(f"{one.at:%Y-%m-%d %H:%M:%S}  {one.outcome:<9}  {one.attempt:>2}  {one.type:<24}  {one.message_id}{why}")
    return 0


def _replay(options: argparse.Namespace) -> int:
    if options.message is None and options.hours is None:
        fail("say which event (--message), or of how many hours (--hours)", 2)
    since = None if options.hours is None else (datetime.now(UTC) - timedelta(hours=options.hours)).isoformat()
    order = _order(v1.ReplayDeliveries, options, message_id=options.message, since=since, failed=options.failed)
    done = _ask(options, lambda bus: _answer(bus, order))
    if options.json:
        print(done.model_dump_json())
    else:
        print(f"{done.events} events are sent again" + (", and there are more" if done.more else ""))
    return 0


_WHAT: Final[dict[str, Callable[[argparse.Namespace], int]]] = {
    "list": _list,
    "add": _add,
    "rotate": _rotate,
    "pause": _change(v1.PauseWebhook, "is sent nothing for now"),
    "resume": _change(v1.ResumeWebhook, "is sent what waits"),
    "remove": _change(v1.RemoveWebhook, "is forgotten"),
    "test": _test,
    "log": _log,
    "replay": _replay,
}


def _state(one: v1.Webhook) -> str:
    if one.paused_because is not None:
        return f"paused ({one.paused_because})"
    return f"{one.state}, {one.waiting} waiting" if one.waiting else str(one.state)


M = TypeVar("M", bound=BaseModel)


def _order(kind: type[M], options: argparse.Namespace, **fields: object) -> M:
    of = {} if "webhook_id" in fields else {"webhook_id": _id(options.webhook)}
    return _made(kind, command_id=new_id(), operator=True, **of, **fields)


def _made(kind: type[M], **fields: object) -> M:
    try:
        return kind.model_validate(fields)
    except ValueError as error:
        _wrong(error)


def _wrong(error: ValueError) -> NoReturn:
    first = error.errors(include_url=False)[0] if hasattr(error, "errors") else {"loc": (), "msg": str(error)}
    fail(f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": "), 2)


def _ask(options: argparse.Namespace, work: Callable[[Bus], Awaitable[R]]) -> R:
    return with_bus(options, work)


async def _answer(bus: Bus, request: Request[R]) -> R:
    return (await bus.ask(request, timeout=_PATIENCE)).result


def _id(given: str) -> str:
    return given if is_id(given) else fail(f"{given!r} is no webhook's id", 2)
