"""A service that is killed leaves no process, no port and no file behind but its data."""

from __future__ import annotations

import socket
from pathlib import Path

import psutil
import pytest

from contracts.subjects import SERVICES
from tests.support.nats import running_nats
from tests.support.processes import family, running
from tests.support.service_process import ServiceProcess


@pytest.mark.parametrize("name", SERVICES)
async def test_a_killed_service_leaves_nothing(name: str, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with running_nats() as server:
        env = {**server.env, "TMPDIR": str(temporary), "ROSTRUM_GATEWAY_PORT": "0"}
        async with ServiceProcess(name, env) as service:
            everybody = family(service.pid)
            ports = {port for process in everybody for port in bound(process)}
            assert ports, "every service has at least its health page"
            service.kill()
            assert running(everybody) == []
            for kind, port in ports:
                with socket.socket(socket.AF_INET, kind) as again:
                    again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        again.bind(("127.0.0.1", port))
                    except OSError:  # somebody else was quicker
                        assert holders(kind, port).isdisjoint(one.pid for one in everybody)
            assert list(temporary.iterdir()) == []


def bound(process: psutil.Process) -> set[tuple[int, int]]:
    """Kind and port of the sockets at which it can be reached."""
    reached = {psutil.CONN_LISTEN, psutil.CONN_NONE}  # the second is UDP's
    return {(one.type, one.laddr.port) for one in process.net_connections("inet") if one.status in reached}


def holders(kind: int, port: int) -> set[int | None]:
    """The processes that can be reached at a port."""
    return {one.pid for one in psutil.net_connections("inet") if one.type == kind and one.laddr.port == port}
