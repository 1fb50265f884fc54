"""A small internet on this machine: network namespaces at a switch of their own, each with an address and names."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PREFIX_LENGTH: Final = 24
_NAMES: Final = Path("/etc/netns")


class NoNetworks(Exception):
    """This machine cannot have any; the text says why."""


@dataclass(frozen=True, slots=True)
class Host:
    """A namespace that stands for a machine."""

    namespace: str
    address: str

    def command(self, *arguments: str) -> list[str]:
        """What runs a program there."""
        return ["ip", "netns", "exec", self.namespace, *arguments]

    def wrapper(self, program: str, path: Path) -> Path:
        """A program in a file that runs another one there, for what takes a path only."""
        path.write_text(f'#!/bin/sh\nexec ip netns exec {self.namespace} {program} "$@"\n')
        path.chmod(0o755)
        return path

    def without_udp(self) -> None:
        """Nothing leaves it by UDP from now on."""
        _ip("-n", self.namespace, "rule", "add", "ipproto", "udp", "blackhole")

    def without_port(self, port: int) -> None:
        """Nothing leaves it for a TCP port from now on."""
        _ip("-n", self.namespace, "rule", "add", "ipproto", "tcp", "dport", str(port), "blackhole")

    def processes(self) -> list[int]:
        """What runs there."""
        listed = subprocess.run(["ip", "netns", "pids", self.namespace], capture_output=True, text=True, check=False)
        return [int(pid) for pid in listed.stdout.split()]


@contextmanager
def hosts(addresses: Mapping[str, str], names: Mapping[str, str]) -> Iterator[dict[str, Host]]:
    """Hosts by what they are called here, in one network (IPv4, /24); `names` are looked up by all of them.

    At the end whatever still runs there is killed, and nothing is left. Raises NoNetworks.
    """
    if os.geteuid() != 0 or shutil.which("ip") is None:
        raise NoNetworks("only root, with iproute2, can make network namespaces")
    tag = f"rostrum-{os.getpid()}"
    made = {name: Host(f"{tag}-{name}", address) for name, address in addresses.items()}
    switch = f"{tag}-switch"
    with contextlib.ExitStack() as stack:
        try:
            _add(switch, stack)
            _ip("-n", switch, "link", "add", "switch", "type", "bridge")
            _ip("-n", switch, "link", "set", "switch", "up")
            for number, host in enumerate(made.values()):
                _add(host.namespace, stack)
                _connect(host, switch, f"port{number}")
        except subprocess.CalledProcessError as error:
            raise NoNetworks(f"network namespaces cannot be made: {error.stderr.strip()}") from error
        for host in made.values():
            _write_names(host, names, stack)
        yield made


def _add(namespace: str, stack: contextlib.ExitStack) -> None:
    _ip("netns", "add", namespace)
    stack.callback(_delete, namespace)
    _ip("-n", namespace, "link", "set", "lo", "up")


def _delete(namespace: str) -> None:
    for pid in Host(namespace, "").processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _ip("netns", "del", namespace)


def _connect(host: Host, switch: str, port: str) -> None:
    _ip("-n", switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
    _ip("-n", switch, "link", "set", port, "master", "switch", "up")
    _ip("-n", host.namespace, "address", "add", f"{host.address}/{PREFIX_LENGTH}", "dev", "eth0")
    _ip("-n", host.namespace, "link", "set", "eth0", "up")


def _write_names(host: Host, names: Mapping[str, str], stack: contextlib.ExitStack) -> None:
    # `ip netns exec` puts these files in the place of those in /etc.
    folder = _NAMES / host.namespace
    folder.mkdir(parents=True)
    stack.callback(_forget_names, folder)
    lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in names.items())]
    (folder / "hosts").write_text("\n".join(lines) + "\n")


def _forget_names(folder: Path) -> None:
    shutil.rmtree(folder)
    with contextlib.suppress(OSError):  # others have theirs there
        _NAMES.rmdir()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
