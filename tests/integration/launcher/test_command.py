"""`rostrum up` as a person at a terminal, or a process manager, uses it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.processes import family, gone
from tests.support.waiting import eventually

UP = (
    sys.executable,
    "-m",
    "infra.cli",
    "up",
    "--entry",
    "tests.support.dummy_service:serve",
    "--services",
    "room,gateway",
)


@asynccontextmanager
async def up(var: Path, **settings: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`rostrum up` with stand-ins for its services; killed at the end if a test failed."""
    process = await asyncio.create_subprocess_exec(
        *UP, "--var", str(var), stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "ROSTRUM_GATEWAY_PORT": "0", **settings},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def line_with(process: asyncio.subprocess.Process, text: str) -> str:
    """The first line on standard error that contains the text."""
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while line := (await process.stderr.readline()).decode():
            if text in line:
                return line
    raise AssertionError(f"the command ended without saying {text!r}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_drains_everything_and_the_command_succeeds(tmp_path: Path, number: signal.Signals) -> None:
    async with up(tmp_path) as process:
        assert "http://127.0.0.1:" in await line_with(process, "is ready")
        everybody = family(process.pid)
        assert len(everybody) >= 5  # launcher, fork server, NATS, two services
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), 15) == 0
        await gone(everybody, within=1)


async def test_a_killed_launcher_leaves_no_process(tmp_path: Path) -> None:
    async with up(tmp_path) as process:
        await line_with(process, "is ready")
        everybody = family(process.pid)
        process.kill()
        await gone(everybody, within=10)
        # And the folder is free for the next one at once.
    async with up(tmp_path) as process:
        await line_with(process, "is ready")


async def test_a_launcher_killed_together_with_its_fork_server_leaves_no_process(tmp_path: Path) -> None:
    async with up(tmp_path) as process:
        await line_with(process, "is ready")
        everybody = family(process.pid)
        forks = next(child for child in everybody[1:] if child.ppid() == process.pid)
        process.kill()
        forks.kill()
        await gone(everybody, within=5)


async def test_a_signal_while_it_starts_ends_it_too(tmp_path: Path) -> None:
    async with up(tmp_path, DUMMY_ROOM="mute") as process:
        await line_with(process, "starting")
        await eventually(lambda: "rostrum:room" in {child.name() for child in family(process.pid)}, within=20)
        everybody = family(process.pid)
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 15) == 0
        await gone(everybody, within=1)


async def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with up(tmp_path, ROSTRUM_GATEWAY_PORT=str(port)) as process:
            assert f"port {port} on 127.0.0.1 is taken" in await line_with(process, "rostrum:")
            assert await process.wait() != 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ROSTRUM_GATEWAY_PORT": "tea"}, "ROSTRUM_GATEWAY_PORT is 'tea'"),
        ({"DUMMY_ROOM": "config"}, "ROSTRUM_TEA: must be warm"),
        ({"DUMMY_ROOM": "fail"}, "room could not start: the tea is cold"),
    ],
)
async def test_what_is_wrong_is_one_line_and_the_exit_code_says_so(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    async with up(tmp_path, **settings) as process:
        assert said in await line_with(process, "rostrum:")
        assert process.stderr is not None
        assert await process.stderr.read() == b""
        assert await process.wait() != 0


async def test_a_service_that_does_not_exist_is_named(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "infra.cli", "up", "--services", "tea", "--var", str(tmp_path),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await process.communicate()
    assert "there is no service 'tea'" in errors.decode()
    assert errors.decode().count("\n") == 1
    assert process.returncode != 0
