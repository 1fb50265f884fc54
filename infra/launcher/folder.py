"""The folder of data of one system: held by one launcher at a time, with its logs and its `run/system.json`."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from infra.launcher.errors import AlreadyRunning, DataGone, LauncherError
from infra.nats.server import write_private
from libs.private_files import keep_closed

LOG_BYTES: Final = 20 * 1024 * 1024
"""What is in a log that is larger goes to `<name>.log.1`."""
PATIENCE_SECONDS: Final = 12.0
"""How long the processes of a launcher that was killed may take to end."""
LOOK_SECONDS: Final = 0.25
"""How often the folder is looked for."""
LOG_LOOKS: Final = 40
"""How many of these pass from one look at the sizes of logs to the next."""


class Folder:
    """`var/`: `run/`, `logs/`, `keys/`, `stores/` and `nats/` in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[str] | None = None

    @property
    def run(self) -> Path:
        """What exists only while the system runs."""
        return self.path / "run"

    async def take(self, say: Callable[[str], None]) -> None:
        """Hold the folder. Two launchers on one would open the same databases.

        Raises AlreadyRunning, or LauncherError when it cannot be written.
        """
        for part in ("run", "logs", "keys", "stores", "nats"):
            try:
                (self.path / part).mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise LauncherError(f"cannot write to {self.path}: {error.strerror}") from error
        # Whoever runs a system inside their own program may have another umask.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        lock = os.fdopen(os.open(self.run / "lock", flags, 0o600), "a+")
        # The fork server of a launcher that was killed holds the lock until its children are gone.
        deadline = time.monotonic() + PATIENCE_SECONDS
        told = False
        while not _locked(lock):
            lock.seek(0)
            holder = lock.read().strip()
            if (holder.isdigit() and _alive(int(holder))) or time.monotonic() > deadline:
                lock.close()
                raise AlreadyRunning(f"a system is already running on {self.path} (process {holder or 'unknown'})")
            if not told:
                told = True
                say("waiting for the processes of the last run to end")
            await asyncio.sleep(0.05)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock
        # Made by an earlier version, or by hand.
        if changed := await asyncio.to_thread(keep_closed, self.path):
            say(f"{self.path}: {changed:,} files and folders can be read by their owner only now")

    def gone(self) -> bool:
        """Whether the folder was removed or replaced since it was taken."""
        held = os.fstat(self.lock_fd)
        try:
            found = (self.run / "lock").stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        return (held.st_dev, held.st_ino) != (found.st_dev, found.st_ino)

    async def watch(self) -> None:
        """Look after logs until the folder is gone. Raises DataGone: what is written to removed files is acknowledged,
        and lost."""
        looks = 0
        while not self.gone():
            if looks % LOG_LOOKS == 0:
                await asyncio.to_thread(self.turn_logs)
            looks += 1
            await asyncio.sleep(LOOK_SECONDS)
        raise DataGone(
            f"{self.path} was removed or replaced while the system ran; it stops, since nothing more can be kept there"
        )

    def turn_logs(self) -> None:
        """Put aside what is in logs that grew too large while their processes write to them.

        A process writes at the end of its file, so the file stays and is emptied; a line written meanwhile may be lost,
        and all of them where the disk has no room for a copy.
        """
        logs: list[Path] = []
        with contextlib.suppress(FileNotFoundError):  # `watch` notices that the folder is gone
            logs = [*(self.path / "logs").glob("*.log")]
        for log in logs:
            with contextlib.suppress(FileNotFoundError):
                if log.stat().st_size > LOG_BYTES:
                    aside = log.with_name(log.name + ".1")
                    try:
                        shutil.copyfile(log, aside)
                    except OSError:
                        aside.unlink(missing_ok=True)
                    os.truncate(log, 0)

    def release(self) -> None:
        """Let the next launcher have it."""
        if self._lock is not None:
            (self.run / "system.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    @property
    def lock_fd(self) -> int:
        """The lock's descriptor, which the fork server holds too."""
        assert self._lock is not None, "take() comes first"
        return self._lock.fileno()

    def write_system_file(self, content: dict[str, Any]) -> None:
        """`run/system.json`: who runs where, for tools and people."""
        if self._lock is not None:
            write_private(self.run / "system.json", json.dumps(content, indent=1))

    def log(self, name: str) -> Path:
        """The log of a process."""
        return self.path / "logs" / f"{name}.log"

    def fresh_log(self, name: str) -> Path:
        """The log of a process that is about to start; an old one that grew too large is put aside."""
        log = self.log(name)
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_name(log.name + ".1"))
        return log

    def last_words(self, name: str) -> str:
        """The last line of a log, for a person; of a JSON line its message."""
        log = self.log(name)
        if not log.exists():
            return ""
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").strip().splitlines()
        last = lines[-1] if lines else ""
        try:
            decoded = json.loads(last)
        except ValueError:
            decoded = None
        if isinstance(decoded, dict) and isinstance(decoded.get("message"), str):
            missing = decoded.get("missing")
            last = f"{decoded['message']}: {missing}" if missing else decoded["message"]
        return last[:300]


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
