"""A service as a process of its own, for tests that kill it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import IO, Any, Self


class Child:
    """`services.<name>.main:main` in a process; started by `start`, ended with the context."""

    def __init__(self, name: str, env: Mapping[str, str]) -> None:
        self.name = name
        self.env = dict(env)
        self.info: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as this)

    async def start(self, within: float = 60.0) -> None:
        """Start it, and wait until it says that it is ready."""
        ready_read = self._spawn()
        try:
            async with asyncio.timeout(within):
                line = await asyncio.to_thread(os.read, ready_read, 4096)
        finally:
            os.close(ready_read)
        if not line:
            raise AssertionError(f"{self.name} did not become ready: {self.output()[-2000:]}")
        self.info = json.loads(line)

    def _spawn(self) -> int:
        ready_read, ready_write = os.pipe()
        code = f"import os, sys; from services.{self.name}.main import main; sys.exit(main(os.environ))"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, **self.env, "ROSTRUM_READY_FD": str(ready_write)},
            pass_fds=[ready_write],
            stdout=self._log,
            stderr=self._log,
        )
        os.close(ready_write)
        return ready_read

    def output(self) -> str:
        """What it wrote so far."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace")

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    async def stop(self, within: float = 5.0) -> int:
        """SIGTERM; its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(self._process.wait, within)
        self._process = None
        return code

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.kill()
        self._log.close()
