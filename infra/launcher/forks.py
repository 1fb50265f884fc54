"""The launcher's end of the fork server."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

MEDIA_NODES: Final = "ROSTRUM_MEDIA_NODES"
"""How many media processes `rostrum up` starts: for the launcher, and no setting of media's."""


class Forks:
    """The fork server's process and the socket to it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def start(self, lock_fd: int, log: Path, settings: Mapping[str, str]) -> None:
        """Start it. It is in a session of its own, so that the terminal's Ctrl-C reaches only the launcher."""
        given = {**os.environ, **settings, "OPENBLAS_NUM_THREADS": "1"}  # see infra.launcher.preload
        ours, theirs = socket.socketpair()
        descriptors = (theirs.fileno(), lock_fd)
        out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._process = subprocess.Popen(  # noqa: ASYNC220 - a fork and an exec, a millisecond; waited for in a thread
                [sys.executable, "-m", "infra.launcher.forkserver", *map(str, descriptors), str(os.getpid())],
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={name: value for name, value in given.items() if name != MEDIA_NODES},
            )
        finally:
            theirs.close()
            os.close(out)
        self._reader, self._writer = await asyncio.open_unix_connection(sock=ours)

    def send(self, **request: Any) -> None:
        """Ask for something; the answers come from `hear`."""
        assert self._writer is not None, "start() comes first"
        self._writer.write(json.dumps(request).encode() + b"\n")

    async def hear(self) -> dict[str, Any] | None:
        """The next thing it says, None when it is gone."""
        assert self._reader is not None, "start() comes first"
        try:
            line = await self._reader.readline()
        except ConnectionResetError:
            return None
        message: dict[str, Any] | None = json.loads(line) if line else None
        return message

    async def end(self) -> None:
        """Close the socket, which is its sign to end every child that is left, and wait for it."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)
            self._process = None
