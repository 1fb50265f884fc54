"""From one public address to the settings of a machine that serves it."""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

MEDIA_PORT: Final = 7882
"""UDP and TCP port of media where nothing else is set. More media processes take the ports behind it."""
_LOOPBACK: Final = json.dumps(["127.0.0.1", "::1"])


class NotPublic(Exception):
    """An address that cannot be served; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """Where browsers reach this machine.

    `url`          an https origin, `https://live.example.org`
    `certificate`  a chain (PEM) with which the gateway serves HTTPS itself; without it a proxy on this machine does
    `key`          its private key, where that is in another file
    `media`        IP addresses at which clients reach the media port; empty: those of the origin's host
    """

    url: str
    certificate: Path | None = None
    key: Path | None = None
    media: Sequence[str] = ()

    def settings(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The settings that follow. What the environment sets already stays as it is. Raises NotPublic."""
        host, port = self._host_and_port()
        if self.key is not None and self.certificate is None:
            raise NotPublic("--key is the key of --certificate: say that too")
        made = {"ROSTRUM_PUBLIC_URL": self.url}
        if self.certificate is None:
            made["ROSTRUM_GATEWAY_TRUSTED_PROXIES"] = _LOOPBACK
        else:
            made |= {
                "ROSTRUM_GATEWAY_HOST": "0.0.0.0",
                "ROSTRUM_GATEWAY_PORT": str(port),
                "ROSTRUM_GATEWAY_CERTIFICATE": str(self.certificate.resolve()),
            }
            if self.key is not None:
                made["ROSTRUM_GATEWAY_CERTIFICATE_KEY"] = str(self.key.resolve())
        media = self._media(host, environment)
        made |= {
            "ROSTRUM_MEDIA_PUBLIC_HOSTS": media,
            "ROSTRUM_MEDIA_HOST": "::" if ":" in media else "0.0.0.0",
            "ROSTRUM_MEDIA_PORT": str(MEDIA_PORT),
            "ROSTRUM_MEDIA_TCP_PORT": environment.get("ROSTRUM_MEDIA_PORT", str(MEDIA_PORT)),
        }
        said = {"ROSTRUM_PUBLIC_URL", "ROSTRUM_GATEWAY_CERTIFICATE", "ROSTRUM_GATEWAY_CERTIFICATE_KEY"}
        if self.media:
            said.add("ROSTRUM_MEDIA_PUBLIC_HOSTS")
        return {name: value for name, value in made.items() if name in said or not _is_set(name, environment)}

    def _host_and_port(self) -> tuple[str, int]:
        example = "an address is written like https://live.example.org"
        try:
            parts = urlsplit(self.url)
            host, port = parts.hostname, parts.port or 443
        except ValueError:
            raise NotPublic(f"{self.url} is no address: {example}") from None
        if parts.scheme != "https":
            raise NotPublic(f"{self.url} is not https, and browsers give a microphone to https only: {example}")
        if not host or parts.username or parts.path or parts.query or parts.fragment or self.url[-1] in "/?#":
            raise NotPublic(f"{self.url} is more or less than an origin: {example}")
        return host, port

    def _media(self, host: str, environment: Mapping[str, str]) -> str:
        """Where clients reach media, as the setting has it: a JSON list, IPv4 first. Raises NotPublic."""
        if self.media:
            try:
                return json.dumps([str(ipaddress.ip_address(address)) for address in self.media])
            except ValueError as error:
                raise NotPublic(f"--media-address: {error}") from None
        if several := environment.get("ROSTRUM_MEDIA_PUBLIC_HOSTS"):
            return several
        for name in ("ROSTRUM_MEDIA_PUBLIC_HOST", "ROSTRUM_MEDIA_HOST"):
            if address := environment.get(name):
                return json.dumps([address])
        try:
            found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)}
        except OSError as error:
            raise NotPublic(
                f"{host} has no IP address yet ({error.strerror}): add it to DNS, or say where clients reach media "
                "with --media-address"
            ) from error
        return json.dumps(sorted(found, key=lambda address: (":" in address, address)))


def _is_set(name: str, environment: Mapping[str, str]) -> bool:
    """Whether a setting is set: for its service, or for all."""
    _, service, setting = name.split("_", 2)
    everybodys = f"ROSTRUM_{setting}" if service in ("GATEWAY", "MEDIA") else name
    return name in environment or everybodys in environment
