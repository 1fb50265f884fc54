"""A service as a process of its own, for tests that kill it."""

from __future__ import annotations

import asyncio
import importlib
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any, Final, Self

from tests.support.waiting import LIMIT

# Forked, as the launcher does it, from a process that has imported what services need: a second less for each start.
_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["infra.launcher.preload"])
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # see infra.launcher.preload


def _serve(name: str, env: dict[str, str], log: str, ready: Connection) -> None:
    """What the process does."""
    out = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.clear()
    os.environ.update(env, ROSTRUM_READY_FD=str(os.dup(ready.fileno())))
    sys.exit(importlib.import_module(f"services.{name}.main").main(os.environ))


class Child:
    """`services.<name>.main:main` in a process; started by `start`, ended with the context."""

    def __init__(self, name: str, env: Mapping[str, str]) -> None:
        self.name = name
        self.env = dict(env)
        self.info: dict[str, Any] = {}
        self._process: ForkServerProcess | None = None
        self._log = tempfile.NamedTemporaryFile(prefix=f"rostrum-{name}-", suffix=".log")  # noqa: SIM115 (lives as long as this)

    async def start(self, within: float = 60.0) -> None:
        """Start it, and wait until it says that it is ready."""
        read, write = _FORKS.Pipe(duplex=False)
        env = {**os.environ, **self.env}
        self._process = _FORKS.Process(target=_serve, args=(self.name, env, self._log.name, write))
        self._process.start()
        write.close()
        line = b""
        try:
            async with asyncio.timeout(within):
                line = await asyncio.to_thread(os.read, read.fileno(), 4096)
        finally:
            if not line:
                self.kill()
            read.close()
        if not line:
            raise AssertionError(f"{self.name} did not become ready: {self.output()[-2000:]}")
        self.info = json.loads(line)

    def output(self) -> str:
        """What it wrote so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.join(10)
            self._process = None

    async def stop(self, within: float = LIMIT) -> int:
        """SIGTERM; its exit code."""
        assert self._process is not None
        process, self._process = self._process, None
        process.terminate()
        await asyncio.to_thread(process.join, within)
        assert process.exitcode is not None, f"{self.name} does not stop"
        return process.exitcode

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()
        self._log.close()
