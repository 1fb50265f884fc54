"""NATS as the subcommands that look after a running system reach it: as the launcher's user."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

from contracts.people import v1
from infra.commands.common import fail
from infra.nats.connecting import connect_once
from infra.nats.server import ADMIN, api
from libs.bus import Bus, BusSettings, CannotConnect, Unavailable, connect
from libs.ids import is_id
from libs.refusal import Refusal

T = TypeVar("T")


def with_nats(options: argparse.Namespace, work: Callable[[Client, JetStreamContext], Awaitable[T]]) -> T:
    """Run `work` on a connection to the system of `--var`, or to ROSTRUM_NATS_URL where that is set, and its JetStream.

    Ends the command with one line when nothing runs there, or NATS does not do what is asked.
    """
    url, login, prefix = _where(options)

    async def main() -> T:
        try:
            client = await connect_once(url, **login)
        except OSError as error:
            fail(f"NATS at {url.rpartition('@')[2]} does not answer: {error}")
        try:
            return await work(client, client.jetstream(prefix=prefix, timeout=10.0))
        finally:
            await client.close()

    try:
        return asyncio.run(main())
    except (nats.errors.Error, JetStreamError, TimeoutError) as error:
        fail(f"NATS did not do it: {str(error) or type(error).__name__}")


def with_bus(options: argparse.Namespace, work: Callable[[Bus], Awaitable[T]]) -> T:
    """The same with a bus, to ask services.

    Ends the command with one line too where a service refuses or does not answer.
    """
    url, login, prefix = _where(options)

    async def main() -> T:
        settings = BusSettings(url, login.get("user"), login.get("password"), prefix, connect_timeout=3.0)
        async with await connect(ADMIN, settings) as bus:
            return await work(bus)

    try:
        return asyncio.run(main())
    except CannotConnect as error:
        fail(str(error))
    except Refusal as no:
        fail(no.detail)
    except Unavailable as error:
        fail(f"a service does not answer: {error}")


async def find_person(bus: Bus, given: str) -> v1.Person:
    """The person of an id or a @handle, as somebody types it. Refuses: person_unknown."""
    if is_id(given):
        return (await bus.ask(v1.PersonQuery(operator=True, person_id=given))).result
    try:
        query = v1.HandleQuery(operator=True, handle=given)
    except ValueError:
        fail(f"{given!r} is neither a person's id nor a handle", 2)
    return (await bus.ask(query)).result


def _where(options: argparse.Namespace) -> tuple[str, dict[str, str], str]:
    """Where NATS is, who we are there, and what the subjects of JetStream's API begin with for us."""
    if url := os.environ.get("ROSTRUM_NATS_URL"):
        user = os.environ.get("ROSTRUM_NATS_USER")
        login = {"user": user, "password": os.environ.get("ROSTRUM_NATS_PASSWORD", "")} if user else {}
        return url, login, os.environ.get("ROSTRUM_NATS_API", "$JS.API")
    try:
        url = json.loads((options.var / "run" / "system.json").read_text())["nats_url"]
        password = json.loads((options.var / "keys" / "nats.json").read_text())[ADMIN]
    except FileNotFoundError:
        fail(f"nothing runs on {options.var}: start it first (rostrum up), or set ROSTRUM_NATS_URL")
    except (OSError, ValueError, KeyError, TypeError) as error:
        fail(f"{options.var} cannot be read: {error}")
    if not url:
        fail("NATS of this system runs elsewhere: set ROSTRUM_NATS_URL, ROSTRUM_NATS_USER and ROSTRUM_NATS_PASSWORD")
    return str(url), {"user": ADMIN, "password": str(password)}, api(str(password))
