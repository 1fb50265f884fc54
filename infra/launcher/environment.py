"""What the processes of one machine find in their environment, and the gateway's port among it."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from infra.launcher.bus import LocalNats
from infra.launcher.child import service_of
from infra.launcher.errors import PortTaken
from infra.launcher.port import HeldPort
from infra.nats.permissions import ERASER


@dataclass
class Surroundings:
    """Environment variables by process.

    `gateway_port`  0 until `settle` took a free one
    `settings`      of every service, over what is said here
    `nats`          None where NATS runs elsewhere: its address is then in the launcher's own environment
    `guests`        names of processes that are clients of the gateway, not services
    """

    var_dir: Path
    gateway_port: int
    settings: dict[str, str]
    nats: LocalNats | None
    guests: Collection[str]
    _held: HeldPort | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Where the gateway answers."""
        return f"http://127.0.0.1:{self.gateway_port}"

    def settle(self) -> None:
        """Find the gateway a free port, or raise PortTaken where the one asked for is not free."""
        if self.gateway_port == 0:
            self._held = HeldPort()
            self.gateway_port = self._held.number
            return
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.gateway_port))
            except OSError as error:
                raise PortTaken(
                    f"port {self.gateway_port} on 127.0.0.1 is taken ({error.strerror}); "
                    "another one: ROSTRUM_GATEWAY_PORT=8081"
                ) from error

    def release(self) -> None:
        """Give the ports back that were found here."""
        if self._held is not None:
            self._held.close()
        if self.nats is not None:
            self.nats.release()

    def of(self, name: str) -> dict[str, str]:
        """What the process of this name finds."""
        environment = {"ROSTRUM_VAR": str(self.var_dir), "ROSTRUM_GATEWAY_PORT": str(self.gateway_port)}
        if name in self.guests:
            return environment | {"ROSTRUM_URL": self.url} | self.settings
        service = service_of(name)
        if self.nats:
            user, password = self.nats.credentials(service)
            environment |= {
                "ROSTRUM_NATS_URL": self.nats.url,
                "ROSTRUM_NATS_USER": user,
                "ROSTRUM_NATS_PASSWORD": password,
            }
            if service == ERASER:
                environment["ROSTRUM_NATS_API"] = self.nats.api(service)
        own = self._apart(service, int(name.removeprefix(f"{service}-"))) if service != name else {}
        return environment | self.settings | own

    def _apart(self, service: str, number: int) -> dict[str, str]:
        """What keeps a second or third process of a service apart from the first: its name, and its fixed port."""
        host = platform.node() or "host"
        name = "".join(c if c.isalnum() or c in "_-" else "-" for c in f"{service}-{number}-{host}")[:64]
        variable = f"ROSTRUM_{service.upper()}_PORT"
        port = int(self.settings.get(variable) or os.environ.get(variable) or 0)
        return {f"ROSTRUM_{service.upper()}_INSTANCE": name} | ({variable: str(port + number - 1)} if port else {})
