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
        """Where the gateway answers: on this machine, or by its public address where it has a certificate for that."""
        public = self._told("gateway", "PUBLIC_URL")
        if public and self._told("gateway", "CERTIFICATE"):
            return public
        return f"http://127.0.0.1:{self.gateway_port}"

    def settle(self) -> None:
        """Find the gateway a free port, or raise PortTaken where the one asked for is not free."""
        if self.gateway_port == 0:
            self._held = HeldPort()
            self.gateway_port = self._held.number
            return
        host = (self._told("gateway", "HOST") or "127.0.0.1").strip("[]")
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, self.gateway_port))
            except PermissionError as error:
                raise PortTaken(
                    f"port {self.gateway_port} on {host} needs the right to low ports (CAP_NET_BIND_SERVICE), which "
                    "the systemd unit gives; another port: ROSTRUM_GATEWAY_PORT=8443"
                ) from error
            except OSError as error:
                raise PortTaken(
                    f"port {self.gateway_port} on {host} is taken ({error.strerror}); "
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
        """What keeps a second or third process of a service apart from the first: its name, and its fixed ports."""
        host = platform.node() or "host"
        name = "".join(c if c.isalnum() or c in "_-" else "-" for c in f"{service}-{number}-{host}")[:64]
        own = {f"ROSTRUM_{service.upper()}_INSTANCE": name}
        for setting in ("PORT", "TCP_PORT"):
            told = self._told(service, setting) or "0"
            if told.isdecimal() and int(told):
                own[f"ROSTRUM_{service.upper()}_{setting}"] = str(int(told) + number - 1)
        return own

    def _told(self, service: str, setting: str) -> str | None:
        """A setting of a service, by the launcher or by its environment."""
        names = (f"ROSTRUM_{service.upper()}_{setting}", f"ROSTRUM_{setting}")
        values = (where.get(name) for where in (self.settings, os.environ) for name in names)
        return next((value for value in values if value), None)
