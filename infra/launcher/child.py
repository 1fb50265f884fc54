"""What happens in a forked child: find the service and run it."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
from pathlib import Path


def service_of(name: str) -> str:
    """The service that a process of this name runs: `media-2` is the second of media."""
    return name.partition("-")[0]


def serve(name: str) -> int:
    """Run `services.<service>.main:main` until SIGTERM; its exit code.

    The settings are in the environment. The service's own imports, say chdb or aiortc, happen here.
    """
    module = importlib.import_module(f"services.{service_of(name)}.main")
    code: int = module.main(os.environ)
    return code


def eraser(_: str) -> int:
    """Delete what erased people are called from the streams, until SIGTERM; its exit code."""
    from infra.eraser.main import main

    return main(os.environ)


def bots(_: str) -> None:
    """Host the Space of speaking bots until SIGTERM."""
    from infra.demo import bots

    logging.basicConfig(level=logging.INFO, format="%(asctime)s bots: %(message)s")
    for name in ("httpx", "aioice", "aiortc"):
        logging.getLogger(name).setLevel(logging.WARNING)
    asyncio.run(bots.main(os.environ["ROSTRUM_URL"], Path(os.environ["ROSTRUM_VAR"]) / "demo" / "bots.json"))
