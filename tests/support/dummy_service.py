"""Stand-ins for services, to try the launcher without them. What one does is said by DUMMY_<NAME>."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

import nats

from tests.support.nats import settled


def serve(name: str) -> None:
    """Connect to NATS, say ready, wait for SIGTERM. Or misbehave: `fail`, `config`, `flap`, `stubborn`, `mute`."""
    behaviour = os.environ.get(f"DUMMY_{name.upper()}", "")
    if behaviour == "fail":
        print(json.dumps({"level": "error", "message": "the tea is cold"}))
        sys.exit(3)
    if behaviour == "config":
        print("ROSTRUM_TEA: must be warm")
        sys.exit(2)
    if behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say_ready()
        while True:
            signal.pause()
    asyncio.run(_serve(name, behaviour))


def say_ready() -> None:
    """As libs.service does."""
    os.write(int(os.environ["ROSTRUM_READY_FD"]), json.dumps({"health": "http://127.0.0.1:1/"}).encode() + b"\n")


async def _serve(name: str, behaviour: str) -> None:
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    client = await nats.connect(
        os.environ["ROSTRUM_NATS_URL"],
        user=os.environ["ROSTRUM_NATS_USER"],
        password=os.environ["ROSTRUM_NATS_PASSWORD"],
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.05,
    )

    async def answer(message: object) -> None:
        await message.respond(json.dumps({"pid": os.getpid()}).encode())  # type: ignore[attr-defined]

    await client.subscribe(f"query.{name}.v1.any.whoami", cb=answer)
    await settled(client)
    if behaviour == "flap":
        say_ready()
        os._exit(1)
    if behaviour != "mute":
        say_ready()
    await stopped.wait()
    await client.drain()
