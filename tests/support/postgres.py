"""A real PostgreSQL server for tests: its own port and directory, stopped by its process id."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.support.nats import free_port
from tests.support.program import Program
from tests.support.waiting import LIMIT, in_time

HOW_TO_GET_IT: Final = "apt-get install postgresql"


def binaries() -> Path | None:
    """The newest Debian server's programs; None where there are none."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    beside = shutil.which("postgres")
    newest = max(found, key=lambda path: float(path.parent.name), default=None)
    return newest or (Path(beside).parent if beside else None)


class PostgresServer(Program):
    """A server that can be killed and started again on the same port and data."""

    def __init__(self, programs: Path, directory: Path) -> None:
        self._programs = programs
        self._directory = directory
        self._data = directory / "data"
        self.port = free_port()
        self._databases = 0
        # It refuses to run as root; Debian's package makes this user.
        user = "postgres" if os.geteuid() == 0 else None
        if user:
            owner = pwd.getpwnam(user)
            os.chown(directory, owner.pw_uid, owner.pw_gid)
        self._as_user: dict[str, Any] = {"user": user, "group": user, "extra_groups": [] if user else None}
        command = [
            str(programs / "postgres"), "-D", str(self._data), "-p", str(self.port),
            "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
            "-c", "fsync=off",  # no test takes the power away
        ]  # fmt: skip
        super().__init__(command, directory / "postgres.log", **self._as_user)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://rostrum:secret@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Address of an empty database."""
        self._databases += 1
        name = f"test{self._databases}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def create(self) -> None:
        """Lay out its directory."""
        password = self._directory / "password"
        password.write_text("secret\n")
        password.chmod(0o644)
        subprocess.run(
            [
                self._programs / "initdb", "-D", self._data, "-U", "rostrum", f"--pwfile={password}",
                "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync",
            ],
            **self._as_user, cwd=self._directory, check=True, stdout=subprocess.DEVNULL, timeout=LIMIT,
        )  # fmt: skip

    def start(self) -> None:
        """Start it, and wait until it answers."""
        super().start()
        in_time(self._answers)

    def _answers(self) -> bool:
        self.must_run()
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url(), connect_timeout=2):
            return True
        return False

    def stop(self) -> int:
        """End it, and all its connections, as an administrator would."""
        return self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it and its processes at once, as a crash would."""
        self._end(signal.SIGQUIT)


@contextlib.contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server with its own empty directory, gone afterwards. Raises FileNotFoundError where none is installed."""
    programs = binaries()
    if programs is None:
        raise FileNotFoundError(f"no PostgreSQL ({HOW_TO_GET_IT})")
    with tempfile.TemporaryDirectory(prefix="rostrum-postgres-") as directory:
        server = PostgresServer(programs, Path(directory))
        server.create()
        with server:
            yield server
