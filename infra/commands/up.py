"""`rostrum up`: everything on one machine."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Coroutine
from typing import Any, Final

from contracts.subjects import SERVICES
from infra.commands.common import (
    DEMO,
    add_public,
    add_var,
    fail,
    gateway_port,
    in_development,
    media_nodes,
    public_address,
)
from infra.launcher import LauncherError, System
from infra.launcher.system import ENTRY, PRELOAD
from infra.public_address import NotPublic

BOTS: Final = "infra.launcher.child:bots"
BOTS_NEED: Final = {"room", "people", "media", "gateway"}
EXAMPLES: Final = """\
examples:
  rostrum up                                   everything, at http://127.0.0.1:8080
  ROSTRUM_GATEWAY_PORT=9000 rostrum up         at another port (0: a free one)
  DEMO=0 rostrum up                            without the Space of speaking bots
  ROSTRUM_MEDIA_NODES=3 rostrum up             with three media processes
  rostrum up --services room,people,gateway    only these
  rostrum up --public https://live.example.org                       for everybody, behind a proxy with TLS
  rostrum up --public https://live.example.org --certificate f.pem   for everybody, with TLS of its own

`docs/public.md` says what a public machine needs; `rostrum doctor` checks it. Stop it with Ctrl-C. Logs are in
var/logs, one file a service.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of `up`."""
    parser.epilog = EXAMPLES
    add_var(parser)
    parser.add_argument(
        "--services",
        type=lambda text: tuple(name.strip() for name in text.split(",") if name.strip()),
        default=SERVICES,
        metavar="A,B",
        help=f"only these of {', '.join(SERVICES)}",
    )
    add_public(parser)
    parser.add_argument("--entry", default=ENTRY, help=argparse.SUPPRESS)  # what a child runs; for the launcher's tests


def run(options: argparse.Namespace) -> int:
    """Until Ctrl-C or SIGTERM (0), or until the system cannot go on (1)."""
    settings = _public_settings(options)
    try:
        system = System(
            options.var,
            gateway_port=gateway_port(settings),
            services=options.services,
            settings=settings,
            entry=options.entry,
            preload=PRELOAD if options.entry == ENTRY else (),
            guests={"bots": BOTS} if _hosts_bots(options) else {},
            say=say,
            media_nodes=media_nodes(),
        )
        return asyncio.run(run_until_stopped(system))
    except LauncherError as error:
        fail(str(error))


def _public_settings(options: argparse.Namespace) -> dict[str, str]:
    """What follows from --public; ends the command where that cannot be served."""
    if (address := public_address(options)) is None:
        return {}
    if in_development():
        fail(
            "--public lets everybody in, and in development anybody can be anybody: set ROSTRUM_IDENTITY to tokens or "
            "oidc (docs/identity.md)",
            2,
        )
    try:
        return address.settings(os.environ)
    except NotPublic as error:
        fail(str(error), 2)


def _hosts_bots(options: argparse.Namespace) -> bool:
    """Whether there is to be a Space of speaking bots: not with DEMO=0, nor without the services it needs, nor where
    nobody signs up."""
    wanted = os.environ.get(DEMO, "1") not in ("0", "false", "no", "")
    return wanted and in_development() and options.entry == ENTRY and set(options.services) >= BOTS_NEED


async def run_until_stopped(system: System) -> int:
    """Start the system and keep it until SIGINT or SIGTERM; 0. Raises LauncherError when it cannot go on."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    began = time.monotonic()
    say(f"starting {len(system.services)} services")
    if not await _before(stop, system.start()):
        await system.stop()
        return 0
    where = f" at {system.url}" if "gateway" in system.services else ""
    say(f"Rostrum is ready{where} after {time.monotonic() - began:.1f} s. Ctrl-C stops it.")
    try:
        await _before(stop, system.wait())
    finally:
        say("stopping")
        await system.stop()
    say("stopped")
    return 0


async def _before(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """True when the work ended first; an error of its is raised here."""
    doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if doing.done():
        doing.result()
        return True
    doing.cancel()
    await asyncio.gather(doing, return_exceptions=True)
    return False


def say(text: str) -> None:
    """One line for the person at the terminal."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
