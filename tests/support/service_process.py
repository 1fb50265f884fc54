"""A service as a process of its own, for tests that kill it."""

from __future__ import annotations

import asyncio
import importlib
import json
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any, Final, Self

import psutil

from infra.launcher.forkserver import die_with_parent
from infra.nats.permissions import ERASER
from tests.support.processes import family, running
from tests.support.waiting import LIMIT, in_time

_FORKING: Final = multiprocessing.get_context("forkserver")
# What services need is imported once, as it is where a launcher starts them, and so is the one that is killed most.
_FORKING.set_forkserver_preload(["infra.launcher.preload", "services.room.main"])
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # see infra.launcher.preload


def _serve(name: str, env: Mapping[str, str], ready: Connection, log: str) -> None:
    die_with_parent(signal.SIGKILL, os.getppid())
    out = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ.clear()
    os.environ.update(env)
    os.environ["ROSTRUM_READY_FD"] = str(os.dup(ready.fileno()))
    ready.close()
    module = "infra.eraser.main" if name == ERASER else f"services.{name}.main"
    sys.exit(importlib.import_module(module).main(os.environ))


class ServiceProcess:
    """`services.<name>.main` in a process, or the eraser, that can be killed and started again.

    Used as a context, it is started at the beginning and killed at the end. When it ends, in whatever way, nothing
    that it started may outlive it.
    """

    def __init__(self, name: str, env: Mapping[str, str]) -> None:
        """`env` is added to the environment of the tests."""
        self.name = name
        self.env = dict(env)
        self.info: dict[str, Any] = {}
        """What it told when it was ready, the address of its health pages among it."""
        self._process: ForkServerProcess | None = None
        # A file without a name: it is gone with this process, whatever happens.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.is_alive()

    async def start(self, within: float = LIMIT) -> None:
        """Start it, and wait until it says that it is ready."""
        assert not self.runs
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
            log = f"/proc/{os.getpid()}/fd/{self._log.fileno()}"
            self._process = _FORKING.Process(target=_serve, args=(self.name, {**os.environ, **self.env}, tell, log))
            self._process.start()
        return ready

    def output(self) -> str:
        """What it wrote so far."""
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            descendants = self._descendants()
            self._process.kill()
            self._end(self._process, descendants, within=LIMIT)

    async def stop(self, within: float = LIMIT) -> int | None:
        """SIGTERM; its exit code, None where it had to be killed because it did not end in time."""
        assert self._process is not None
        descendants = self._descendants()
        self._process.terminate()
        await asyncio.to_thread(self._process.join, within)
        code = self._process.exitcode
        self._process.kill()
        self._end(self._process, descendants, within=LIMIT)
        return code

    def close(self) -> None:
        """Kill it, if it runs, and forget what it wrote."""
        try:
            self.kill()
        finally:
            self._log.close()

    def _descendants(self) -> list[psutil.Process]:
        try:
            return family(self.pid)[1:]
        except psutil.NoSuchProcess:
            return []

    def _end(self, process: ForkServerProcess, descendants: list[psutil.Process], within: float) -> None:
        self._process = None
        process.join(within)
        try:
            in_time(lambda: not running(descendants), within=within)
        finally:
            for left in running(descendants):
                left.kill()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()
