"""`rostrum migrate`: what earlier versions stored, rewritten once as it is stored today, while everything runs."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final, TypeVar

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from contracts import subjects
from infra.commands.common import add_var
from infra.commands.connection import with_nats
from infra.commands.rebuild import filled_anew
from libs.bus.dead_letters import read_letters
from libs.bus.origin import mark
from libs.ids import new_id
from libs.migration.messages import Begun, From, Objects, RewrittenPage, Run, Settled, Step

STORED: Final = subjects.STORED_CONTEXTS
START_SECONDS: Final = 5.0
"""How long a service is waited for that has not answered yet."""
BACK_SECONDS: Final = 60.0
"""How long one is waited for that has: it is being started again, or cannot have keys for a moment."""
_ANSWER_SECONDS: Final = 10.0
"""After which a page is asked for again, which takes a fraction of a second: whoever had the question may have died."""
_STUCK: Final = 20
"""How often the same page is asked for."""
_GATHER_SECONDS: Final = 0.5
_PROGRESS_SECONDS: Final = 1.0
_BESIDE: Final = ("recording",)
"""The contexts of which something lies beside their stores in plain."""
EXAMPLES: Final = """\
examples:
  rostrum migrate              once, after an upgrade from a version that stored words in plain
  rostrum migrate --json       what was done, as JSON

What earlier versions stored has words in plain, and what people were called. Each service rewrites its own: words are
sealed as they are today, those whose key is destroyed become unreadable, and names are left out. Then what was made of
it is made anew: snapshots, read models, and the stream, which is deleted and filled again as by `rostrum rebuild
--anew`, so that clients get a `reset`. Where nothing is to be rewritten, nothing is done. Replays, safety copies and
spools are sealed too, under new names, and removed as they were.

Everything runs meanwhile. Every process must run this version: an earlier one stores words in plain again. The command
may be ended and started again at any moment. The exit code is 1 when a service that keeps a store does not run: the
others are done, and the next `rostrum migrate` does the rest.

In PostgreSQL, what stood there before lies in the server's files until VACUUM FULL, and in its log until that is
recycled.
"""

T = TypeVar("T")
P = TypeVar("P", Begun, Objects)


@dataclass(slots=True)
class Migrated:
    """What became of the facts of one context."""

    context: str
    looked: int = 0
    rewritten: int = 0
    seconds: float = 0.0
    processes: int = 0
    """That made anew what they had made of these facts."""
    sealed: int = 0
    """Files beside the store that are sealed now."""
    left: int = 0
    """Files that could not be, since they were being changed."""
    error: str | None = None
    """Why it is not done; None where it is."""

    def line(self) -> str:
        """What is said of it."""
        if self.error is not None:
            return f"{self.context}: {self.error}"
        many = f"{self.looked:,} facts looked at, {self.rewritten:,} rewritten"
        files = f", {self.sealed:,} files sealed" if self.sealed else ""
        return f"{self.context}: {many}{files}, {self.seconds:.1f} s"


class _NotDone(Exception):
    """A service does not do its part; says why."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `migrate`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    parser.add_argument("--json", action="store_true", help="what was done, as JSON")
    parser.add_argument(
        "--timeout", type=float, default=3600.0, metavar="SECONDS",
        help="how long it may take to fill the stream again (default: %(default).0f)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Migrate and say what was done; 1 where a service did not do its part."""
    return with_nats(options, lambda nc, js: _migrate(nc, js, options))


async def _migrate(nc: Client, js: JetStreamContext, options: argparse.Namespace) -> int:
    began = time.monotonic()
    every = [Context(nc, context) for context in STORED]
    progress = asyncio.create_task(_progress(every)) if not options.json else None
    try:
        await asyncio.gather(*(one.rewrite() for one in every))
        await asyncio.gather(*(one.seal() for one in every if one.context in _BESIDE))
    finally:
        if progress is not None:
            progress.cancel()
    if not options.json:
        for one in every:
            print(one.done.line(), flush=True)
    owing = [one for one in every if one.owes]
    stream: dict[str, Any] | None = None
    if owing:
        await asyncio.gather(*(one.finish() for one in owing))
        stream = await _stream(nc, js, options)
        # What is not done is owed still, and begins with the next run.
        ready = [one for one in owing if one.done.error is None and one.context not in stream["missing"]]
        await asyncio.gather(*(one.settle() for one in ready))
    failed = [one.done for one in every if one.done.error is not None]
    seconds = round(time.monotonic() - began, 3)
    if options.json:
        contexts = [asdict(one.done) for one in every]
        print(json.dumps({"contexts": contexts, "stream": stream, "seconds": seconds}))
        return 1 if failed else 0
    if stream is not None:
        print(
            f"{stream['events']:,} events are in the stream again; {stream['letters']:,} dead letters of it are removed"
        )
    elif not failed and not any(one.done.sealed for one in every):
        print("nothing is stored as earlier versions stored it")
    for done in failed:
        print(f"rostrum: {done.context} is not done: {done.error}", file=sys.stderr)
    print(f"done in {seconds:.1f} s")
    return 1 if failed else 0


async def _progress(every: list[Context]) -> None:
    """Say how far it is, now and then."""
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        parts = (f"{one.context} {one.percent} %" for one in every if one.percent is not None)
        if said := ", ".join(parts):
            print(f"  {said}", flush=True)


async def _stream(nc: Client, js: JetStreamContext, options: argparse.Namespace) -> dict[str, Any]:
    """Fill the stream again, and remove what its consumers gave up: they read it again from its beginning."""
    say = None if options.json else partial(print, flush=True)
    _, rebuilt = await filled_anew(nc, js, anew=True, timeout=options.timeout, say=say)
    letters = 0
    events = subjects.EVENTS_SUBJECTS.split("*")[0]
    async for letter in read_letters(js):
        if letter.origin.startswith(events):
            await js.delete_msg(subjects.DEAD_LETTER_STREAM, letter.number)
            letters += 1
    return {
        "events": sum(one.events for one in rebuilt),
        "letters": letters,
        "missing": [one.context for one in rebuilt if one.position is None],
    }


class Context:
    """Has the facts of one context rewritten."""

    def __init__(self, nc: Client, context: str) -> None:
        self._nc = nc
        self.context = context
        self.done = Migrated(context)
        self.owes = False
        """Whether what was made of facts must be made anew."""
        self.percent: int | None = None
        self._heard = False
        self._position = 0

    async def rewrite(self) -> None:
        """Page after page, to the end, from where this ended before."""
        began = time.monotonic()
        stuck = 0
        try:
            while True:
                page = await self._ask(Step.REWRITE, From(self._position), RewrittenPage)
                self.done.looked += page.looked
                self.done.rewritten += page.rewritten
                self.owes = page.owes_anew
                stuck = stuck + 1 if page.position == self._position else 0
                if stuck > _STUCK:
                    raise _NotDone(f"its stored facts after {self._position} change again and again")
                self._position = page.position
                if page.position >= page.last:
                    break
                self.percent = 100 * page.position // page.last
        except _NotDone as why:
            self.done.error = str(why)
        self.percent = None
        self.done.seconds = round(self.done.seconds + time.monotonic() - began, 3)

    async def finish(self) -> None:
        """Make everything anew, and rewrite what was decided meanwhile on what was in memory, which has old words."""
        while self.done.error is None:
            await self.anew()
            before = self.done.rewritten
            await self.rewrite()
            if self.done.rewritten == before:
                break

    async def anew(self) -> None:
        """Have every process make anew what it made of facts."""
        self.done.processes = len(await self._everywhere(Step.ANEW, Begun))

    async def seal(self) -> None:
        """Have every process seal what lies beside the store."""
        if self.done.error is None:
            answers = await self._everywhere(Step.OBJECTS, Objects)
            self.done.sealed = sum(one.sealed for one in answers)
            self.done.left = sum(one.left for one in answers)
            if self.done.left and self.done.error is None:
                self.done.error = f"{self.done.left:,} files are being changed: run this again"

    async def _everywhere(self, step: Step, kind: type[P]) -> list[P]:
        """Have every process do something, until all are done; what they said of it last."""
        began = time.monotonic()
        body = msgspec.json.encode(Run(new_id()))
        patience = time.monotonic() + BACK_SECONDS
        trouble: str | None = None
        while True:
            answers = await self._gather(subjects.migration(self.context, step), body, kind)
            if answers:
                trouble = next((one.error for one in answers if one.error is not None), None)
                if trouble is None:
                    patience = time.monotonic() + BACK_SECONDS
                if all(one.done for one in answers):
                    break
            if time.monotonic() > patience:
                self.done.error = trouble or "its service does not answer any more"
                break
        self.done.seconds = round(self.done.seconds + time.monotonic() - began, 3)
        return answers

    async def settle(self) -> None:
        """Say that nothing is owed any more."""
        try:
            await self._ask(Step.SETTLE, Run(""), Settled)
        except _NotDone as why:
            self.done.error = str(why)

    async def _ask(self, step: Step, question: msgspec.Struct, kind: type[T]) -> T:
        """Ask one of its processes, until it is done. Raises _NotDone."""
        subject, body = subjects.migration(self.context, step), msgspec.json.encode(question)
        began = time.monotonic()
        why = "its service does not run"
        while True:
            try:
                reply = await self._nc.request(subject, body, timeout=_ANSWER_SECONDS, headers=mark("launcher"))
                answer = msgspec.json.decode(reply.data, type=kind)
                self._heard = True
                error: str | None = getattr(answer, "error", None)
                if error is None:
                    return answer
                why = error
            except nats.errors.NoRespondersError:
                why = "its service does not run"
            except (nats.errors.TimeoutError, TimeoutError):
                why = "its service does not answer"
            if time.monotonic() - began > (BACK_SECONDS if self._heard else START_SECONDS):
                raise _NotDone(why)
            await asyncio.sleep(0.2)

    async def _gather(self, subject: str, body: bytes, kind: type[P]) -> list[P]:
        """The answers of all its processes."""
        inbox = self._nc.new_inbox()
        subscription = await self._nc.subscribe(inbox)
        try:
            await self._nc.publish(subject, body, reply=inbox, headers=mark("launcher"))
            answers: dict[str, P] = {}
            end = time.monotonic() + _GATHER_SECONDS
            while (left := end - time.monotonic()) > 0:
                try:
                    message = await subscription.next_msg(timeout=left)
                except (nats.errors.TimeoutError, TimeoutError):
                    break
                if message.data:  # not that nobody hears it
                    answer = msgspec.json.decode(message.data, type=kind)
                    answers[answer.process] = answer
            return list(answers.values())
        finally:
            await subscription.unsubscribe()
