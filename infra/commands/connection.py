"""NATS as the subcommands that look after a running system reach it: as the launcher's user."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import nats
import nats.errors
from nats.aio.client import Client
from nats.js.errors import Error as JetStreamError

from infra.commands.common import fail
from infra.nats.server import ADMIN

T = TypeVar("T")


def with_nats(options: argparse.Namespace, work: Callable[[Client], Awaitable[T]]) -> T:
    """Run `work` on a connection to the system of `--var`, or to ROSTRUM_NATS_URL where that is set.

    Ends the command with one line when nothing runs there, or NATS does not do what is asked.
    """
    url, login = _where(options)

    async def main() -> T:
        try:
            client = await nats.connect(url, **login, allow_reconnect=False, connect_timeout=3, error_cb=_quiet)
        except (OSError, nats.errors.Error) as error:
            why = str(error) or type(error).__name__
            fail(f"NATS at {url.rpartition('@')[2]} does not answer: {why}")
        try:
            return await work(client)
        finally:
            await client.close()

    try:
        return asyncio.run(main())
    except (nats.errors.Error, JetStreamError, TimeoutError) as error:
        fail(f"NATS did not do it: {str(error) or type(error).__name__}")


def _where(options: argparse.Namespace) -> tuple[str, dict[str, str]]:
    if url := os.environ.get("ROSTRUM_NATS_URL"):
        user = os.environ.get("ROSTRUM_NATS_USER")
        return url, {"user": user, "password": os.environ.get("ROSTRUM_NATS_PASSWORD", "")} if user else {}
    try:
        url = json.loads((options.var / "run" / "system.json").read_text())["nats_url"]
        password = json.loads((options.var / "keys" / "nats.json").read_text())[ADMIN]
    except FileNotFoundError:
        fail(f"nothing runs on {options.var}: start it first (rostrum up), or set ROSTRUM_NATS_URL")
    except (OSError, ValueError, KeyError, TypeError) as error:
        fail(f"{options.var} cannot be read: {error}")
    if not url:
        fail("NATS of this system runs elsewhere: set ROSTRUM_NATS_URL, ROSTRUM_NATS_USER and ROSTRUM_NATS_PASSWORD")
    return str(url), {"user": ADMIN, "password": str(password)}


async def _quiet(_: Exception) -> None:
    """What matters is raised where it happens."""
