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
from pathlib import Path
from typing import Any, Final, Self

from tests.support.waiting import LIMIT

_FORKING: Final = multiprocessing.get_context("forkserver")
# What services need is imported once, as it is where a launcher starts them, and so is the one that is killed most.
_FORKING.set_forkserver_preload(["infra.launcher.preload", "services.room.main"])
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # see infra.launcher.preload


def _serve(name: str, env: Mapping[str, str], ready: Connection, log: str) -> None:
    out = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.clear()
    os.environ.update(env)
    os.environ["ROSTRUM_READY_FD"] = str(os.dup(ready.fileno()))
    ready.close()
    sys.exit(importlib.import_module(f"services.{name}.main").main(os.environ))


class Child:
    """`services.<name>.main:main` in a process; started by `start`, ended with the context."""

    def __init__(self, name: str, env: Mapping[str, str]) -> None:
        self.name = name
        self.env = dict(env)
        self.info: dict[str, Any] = {}
        self._process: ForkServerProcess | None = None
        descriptor, path = tempfile.mkstemp(prefix=f"rostrum-{name}-", suffix=".log")
        os.close(descriptor)
        self._log = Path(path)

    async def start(self, within: float = 60.0) -> None:
        """Start it, and wait until it says that it is ready."""
        with self._spawn() as ready:
            loop = asyncio.get_running_loop()
            told = asyncio.Event()
            loop.add_reader(ready, told.set)
            try:
                async with asyncio.timeout(within):
                    await told.wait()
                line = os.read(ready.fileno(), 4096)
            except BaseException:
                self.kill()
                raise
            finally:
                loop.remove_reader(ready)
        if not line:
            self.kill()
            raise AssertionError(f"{self.name} did not become ready: {self.output()[-2000:]}")
        self.info = json.loads(line)

    def _spawn(self) -> Connection:
        ready, tell = _FORKING.Pipe(duplex=False)
        with tell:
            args = (self.name, {**os.environ, **self.env}, tell, str(self._log))
            self._process = _FORKING.Process(target=_serve, args=args)
            self._process.start()
        return ready

    def output(self) -> str:
        """What it wrote so far."""
        return self._log.read_text(errors="replace")

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.join(10)
            self._process = None

    async def stop(self, within: float = LIMIT) -> int | None:
        """SIGTERM; its exit code, None where it has not ended in time."""
        assert self._process is not None
        self._process.terminate()
        await asyncio.to_thread(self._process.join, within)
        code = self._process.exitcode
        self._process = None
        return code

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()
        self._log.unlink()
