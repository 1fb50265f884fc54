"""The NATS server of one machine, as the launcher sees it: where it is, whether it answers, its streams."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import nats
import nats.errors

from infra.launcher.errors import StartFailed
from infra.nats import server

ANSWER_SECONDS: Final = 30.0


class LocalNats:
    """Credentials and configuration under `var_dir`; the port stays the same through restarts."""

    def __init__(self, var_dir: Path) -> None:
        self._var_dir = var_dir
        self._port = 0
        self._passwords: dict[str, str] = {}

    @property
    def url(self) -> str:
        """Its address, without credentials."""
        return f"nats://127.0.0.1:{self._port}"

    def credentials(self, user: str) -> tuple[str, str]:
        """User and password of a service or of the launcher."""
        return user, self._passwords[user]

    def command(self) -> list[str]:
        """Write the configuration; what to run. Raises StartFailed where the server is not installed."""
        self._port = self._port or server.free_port()
        self._passwords = server.credentials(self._var_dir / "keys")
        config = self._var_dir / "run" / "nats.json"
        content = server.configuration(self._port, self._var_dir / "nats", self._passwords)
        server.write_private(config, json.dumps(content, indent=1))
        try:
            return [str(server.executable()), "--config", str(config)]
        except FileNotFoundError as error:
            raise StartFailed(str(error)) from error

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
                    error_cb=_ignore,
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

    async def declare(self) -> None:
        """Make the streams and buckets, which only the launcher's user may."""
        # Half a second of importing FastStream: now, while the fork server imports too, rather than before it started.
        from libs.bus.declare import declare

        user, password = self.credentials(server.ADMIN)
        client = await nats.connect(self.url, user=user, password=password, error_cb=_ignore)
        try:
            await declare(client.jetstream(timeout=5.0))
        finally:
            await client.close()


async def _ignore(_: Exception) -> None:
    """A refused connection while the server starts is expected."""
