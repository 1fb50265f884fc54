"""`rostrum rebuild`: the stream of events, filled again from the stores while everything runs."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Final, Protocol

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamState

from contracts import subjects
from infra.commands.common import add_var
from infra.commands.connection import with_nats
from libs.bus import declare
from libs.bus.declare import declare_consumers
from libs.bus.origin import mark
from libs.relay import COUNT, RelayReport

STORED: Final = subjects.STORED_CONTEXTS
START_SECONDS: Final = 5.0
"""How long a service that is being started again is waited for."""
_LOOKS: Final = 50
EXAMPLES: Final = """\
examples:
  rostrum rebuild             after the stream was lost, emptied, or has holes
  rostrum rebuild --anew      delete it and fill it again, whatever its state

The relays of the running services publish everything that their stores hold, in order, each event once. The stream is a
new one then: consumers read it from its start, and clients get a `reset`. Moments (presence, who is speaking,
reactions) come from no store and are not brought back. Their time in the stream is limited anyway, so their holes are
no reason to rebuild; a missing fact is. The exit code is 1 when a service that keeps a store does not run: its events
follow when it starts.
"""


class Ask(Protocol):
    """`_ask`, given everything but the context."""

    async def __call__(self, context: str, /, *, body: bytes = b"") -> RelayReport | None: ...


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of the events of one context."""

    context: str
    events: int
    """How many are in the stream now."""
    published: int
    """How many of them were published by this command."""
    position: int | None
    """The stored fact up to which everything is published; None where its service does not answer."""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `rebuild`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    parser.add_argument("--anew", action="store_true", help="delete the stream first even if nothing is wrong with it")
    parser.add_argument("--json", action="store_true", help="what was done, as JSON")
    parser.add_argument(
        "--timeout", type=float, default=600.0, metavar="SECONDS",
        help="how long all of it may take (default: %(default).0f)",
    )  # fmt: skip
    parser.add_argument(
        "--wait", type=float, default=START_SECONDS, metavar="SECONDS",
        help="how long a service is waited for that does not run (default: %(default).0f)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Rebuild it and say what was done; 1 where a relay did not answer."""
    return with_nats(options, lambda nc, js: _rebuild(nc, js, options))


async def _rebuild(nc: Client, js: JetStreamContext, options: argparse.Namespace) -> int:
    began = time.monotonic()
    found, rebuilt = await filled_anew(
        nc,
        js,
        anew=options.anew,
        timeout=options.timeout,
        wait=options.wait,
        say=None if options.json else partial(print, flush=True),
    )
    readers = [info for info in await js.consumers_info(subjects.EVENTS_STREAM) if info.config.durable_name]
    waiting = max(((info.num_pending or 0) for info in readers), default=0)
    seconds = time.monotonic() - began
    if options.json:
        print(
            json.dumps(
                {
                    "stream": found,
                    "contexts": [asdict(one) for one in rebuilt],
                    "consumers": len(readers),
                    "to_read": waiting,
                    "seconds": round(seconds, 3),
                }
            )
        )
    else:
        for one in rebuilt:
            print(_line(one))
        print(f"{len(readers)} durable consumers read it, the last of them has {waiting:,} events to go")
        print(f"done in {seconds:.1f} s")
    return 1 if any(one.position is None for one in rebuilt) else 0


async def filled_anew(
    nc: Client,
    js: JetStreamContext,
    *,
    anew: bool,
    timeout: float,
    say: Callable[[str], object] | None,
    wait: float = START_SECONDS,
) -> tuple[str, list[Rebuilt]]:
    """Fill the stream again where it lacks a fact, or `anew`; what was found, and what became of it. A service that
    does not run is waited for, `wait` seconds each time. `say` is told what was found as soon as that is known."""
    ask = partial(_ask, nc, timeout=timeout, wait=wait)
    found = await _stream(js, ask, anew=anew)
    await declare_consumers(js, subjects.SERVICES)
    if say is not None:
        say(found)
    return found, await asyncio.gather(*(_context(js, ask, context) for context in STORED))


def _line(one: Rebuilt) -> str:
    if one.position is None:
        return f"{one.context}: {one.events:,} events; its service does not answer, the rest follows when it runs"
    if not one.published:
        return f"{one.context}: {one.events:,} events, nothing was missing"
    return f"{one.context}: {one.events:,} events, {one.published:,} published now, up to stored fact {one.position:,}"


async def _stream(js: JetStreamContext, ask: Ask, *, anew: bool) -> str:
    """Make sure that there is a stream without a missing fact; what was found, and done."""
    await declare(js)
    state = (await js.stream_info(subjects.EVENTS_STREAM)).state
    if state.last_seq == 0:
        return "the stream was gone; made it again"
    wrong = await _wrong(js, ask, state)
    if wrong is None and not anew:
        return f"the stream lacks no fact ({state.messages:,} events); looking for what is newer"
    # One that goes on at a higher sequence would pass for news: only a new stream tells everybody to begin anew.
    await js.delete_stream(subjects.EVENTS_STREAM)
    await declare(js)
    return f"the stream {wrong or f'held {state.messages:,} events'}; deleted it and made it again"


async def _wrong(js: JetStreamContext, ask: Ask, state: StreamState) -> str | None:
    """What the stream lacks. Moments go when their time is over, so the facts of each context are counted."""
    if state.messages == 0:
        return "was emptied"
    if state.last_seq - state.first_seq + 1 == state.messages and state.first_seq == 1:
        return None
    # At once: each that does not run is waited for.
    reports = await asyncio.gather(*(ask(context, body=COUNT) for context in STORED))
    for context, report in zip(STORED, reports, strict=True):
        if report is not None and report.owed is not None:
            missing = await lacking(js, context, report.owed, report.sequence)
            if missing > 0:
                return f"lacked {missing:,} {context} events"
    return None


async def _context(js: JetStreamContext, ask: Ask, context: str) -> Rebuilt:
    report = await ask(context)
    published, position = (report.published, report.position) if report else (0, None)
    return Rebuilt(context, await _count(js, context), published, position)


async def lacking(js: JetStreamContext, context: str, owed: int, sequence: int | None) -> int:
    """How many of so many events of a context, the last of them at `sequence`, the stream lacks.

    Those behind it would hide as many that are missing. Where some come at each look, it may lack more.
    """
    if sequence is None:  # a service of an earlier version
        return owed - await _count(js, context)
    for _ in range(_LOOKS):
        before = await _count(js, context, after=sequence)
        held = await _count(js, context) - before
        if await _count(js, context, after=sequence) == before:
            break
    return owed - held


async def _count(js: JetStreamContext, context: str, after: int = 0) -> int:
    """How many events of a context are in the stream, behind a sequence."""
    consumer = await js.add_consumer(
        subjects.EVENTS_STREAM,
        ConsumerConfig(
            filter_subject=subjects.events_of(context),
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=5.0,
        ),
    )
    await js.delete_consumer(subjects.EVENTS_STREAM, consumer.name)
    return consumer.num_pending or 0


async def _ask(nc: Client, context: str, *, timeout: float, wait: float, body: bytes = b"") -> RelayReport | None:
    """Have a relay look at the stream, and wait until everything is in it; None where nobody answers."""
    patience = time.monotonic() + wait
    while True:
        try:
            asked = nc.request(subjects.relay_check(context), body, timeout=timeout, headers=mark("launcher"))
            return RelayReport.decode((await asked).data)
        except nats.errors.NoRespondersError:
            if time.monotonic() > patience:
                return None
            await asyncio.sleep(0.1)
        except (nats.errors.TimeoutError, TimeoutError):
            return None
