"""The NATS server of one machine, as the launcher sees it: where it is, whether it answers, its streams."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Container
from pathlib import Path
from typing import Final

import nats
import nats.errors

from infra.eraser.notes import Notes
from infra.eraser.overwriting import overwrite_noted
from infra.launcher.errors import StartFailed
from infra.launcher.port import HeldPort
from infra.nats import server

ANSWER_SECONDS: Final = 30.0


class LocalNats:
    """Credentials and configuration under `var_dir`; the port stays the same through restarts."""

    def __init__(self, var_dir: Path) -> None:
        self._var_dir = var_dir
        self._port: HeldPort | None = None
        self._passwords: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Its address, without credentials."""
        return f"nats://127.0.0.1:{self._port.number if self._port else 0}"

    def credentials(self, user: str) -> tuple[str, str]:
        """User and password of a service or of the launcher."""
        return user, self._passwords[user]

    def api(self, user: str) -> str:
        """What the subjects of JetStream's API begin with for a user who may change streams."""
        return server.api(self._passwords[user])

    def prepare(self) -> list[str]:
        """Overwrite the messages that NATS was killed while deleting, and write the configuration; returns what to
        run. Raises StartFailed where the server is not installed, or a file cannot be read or written."""
        self._port = self._port or HeldPort()
        try:
            self._passwords = server.credentials(self._var_dir / "keys")
        except (ValueError, OSError) as error:
            raise StartFailed(str(error)) from error
        config = self._var_dir / "run" / "nats.json"
        content = server.configuration(self._port.number, self._var_dir / "nats", self._passwords)
        text = json.dumps(content, indent=1)
        try:
            if not config.exists() or config.read_text() != text:
                server.write_private(config, text)
            self._overwrite_deleted()
        except OSError as error:
            raise StartFailed(f"{error.filename or config} cannot be written: {error.strerror}") from error
        try:
            return [str(server.executable()), "--config", str(config)]
        except FileNotFoundError as error:
            raise StartFailed(str(error)) from error

    def _overwrite_deleted(self) -> None:
        overwrite_noted(self._var_dir / "nats", Notes(self._var_dir))

    def release(self) -> None:
        """Give its port back."""
        if self._port is not None:
            self._port.close()

    async def answers(self, check: Callable[[], None]) -> None:
        """Until JetStream answers, which is all that tells that the server is ready; `check` may raise meanwhile."""
        user, password = self.credentials(server.ADMIN)
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            check()
            try:
                client = await nats.connect(
                    self.url,
                    user=user,
                    password=password,
                    allow_reconnect=False,
                    connect_timeout=1,
                    reconnect_time_wait=0,
                    error_cb=ignore,
                )
                try:
                    await client.jetstream().account_info()
                finally:
                    await client.close()
            except (OSError, nats.errors.Error) as error:
                if time.monotonic() > deadline:
                    raise StartFailed(f"nats did not answer in {ANSWER_SECONDS:.0f} s: {error}") from error
                await asyncio.sleep(0.02)
            else:
                return

    async def declare(self, services: Container[str]) -> None:
        """Make the streams, the buckets and the durable consumers of these services, which only the launcher's user
        may."""
        # Half a second of importing FastStream: now, while the fork server imports too, rather than before it started.
        from libs.bus.declare import declare, declare_consumers

        user, password = self.credentials(server.ADMIN)
        client = await nats.connect(self.url, user=user, password=password, error_cb=ignore)
        try:
            jetstream = client.jetstream(prefix=self.api(server.ADMIN), timeout=5.0)
            await declare(jetstream)
            await declare_consumers(jetstream, services)
        finally:
            await client.close()


async def ignore(_: Exception) -> None:
    """A refused connection while the server starts is expected."""
