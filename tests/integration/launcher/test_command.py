"""`rostrum up` as a person at a terminal, or a process manager, uses it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from libs.ids import new_id
from tests.support.command import line_with, rostrum, running_rostrum
from tests.support.processes import family, gone
from tests.support.waiting import LIMIT, eventually


@asynccontextmanager
async def up(var: Path, **settings: str) -> AsyncIterator[Process]:
    """`rostrum up` with stand-ins for its services."""
    stand_ins = ("--entry", "tests.support.dummy_service:serve", "--services", "room,gateway")
    env = {"ROSTRUM_GATEWAY_PORT": "0", **settings}
    async with running_rostrum("up", *stand_ins, "--var", str(var), env=env) as process:
        yield process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_drains_everything_and_the_command_succeeds(tmp_path: Path, number: signal.Signals) -> None:
    async with up(tmp_path) as process:
        assert "http://127.0.0.1:" in await line_with(process, "is ready")
        everybody = family(process.pid)
        assert len(everybody) >= 5  # launcher, fork server, NATS, two services
        process.send_signal(number)
        assert await asyncio.wait_for(process.wait(), LIMIT) == 0
        await gone(everybody)


async def test_a_killed_launcher_leaves_no_process(tmp_path: Path) -> None:
    async with up(tmp_path) as process:
        await line_with(process, "is ready")
        everybody = family(process.pid)
        process.kill()
        await gone(everybody)
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
        await gone(everybody)


async def test_a_signal_while_it_starts_ends_it_too(tmp_path: Path) -> None:
    async with up(tmp_path, DUMMY_ROOM="mute") as process:
        await line_with(process, "starting")

        def room_runs() -> bool:
            with contextlib.suppress(psutil.NoSuchProcess):  # one that has just ended
                return "rostrum:room" in {child.name() for child in family(process.pid)}
            return False

        await eventually(room_runs)
        everybody = family(process.pid)
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), LIMIT) == 0
        await gone(everybody)


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


@pytest.mark.parametrize("content", ["{", "[]", '{"room": 1}', '{"room": ""}'])
async def test_a_broken_file_of_passwords_is_named(tmp_path: Path, content: str) -> None:
    keys = tmp_path / "keys" / "nats.json"
    await asyncio.to_thread(keys.parent.mkdir)
    await asyncio.to_thread(keys.write_text, content)
    async with up(tmp_path) as process:
        assert f"{keys} does not hold the passwords of NATS's users: remove it" in await line_with(process, "rostrum:")
        assert process.stderr is not None
        assert await process.stderr.read() == b""
        assert await process.wait() == 1
    assert await asyncio.to_thread(keys.read_text) == content


@pytest.mark.parametrize("hours", ["-1", "0", "nan", "inf", "87601"])
async def test_a_token_that_is_good_for_no_time_is_not_made(tmp_path: Path, hours: str) -> None:
    said = await rostrum("token", new_id(), "--hours", hours, "--var", str(tmp_path))
    assert (said.code, said.out) == (1, "")
    assert said.errors == f"rostrum: --hours {hours}: must be more than 0 and at most 87600, ten years\n"


async def test_a_service_that_does_not_exist_is_named(tmp_path: Path) -> None:
    said = await rostrum("up", "--services", "tea", "--var", str(tmp_path))
    assert "there is no service 'tea'" in said.errors
    assert said.errors.count("\n") == 1
    assert said.code != 0


async def test_a_command_says_at_once_that_nats_is_away() -> None:
    nowhere = {"ROSTRUM_NATS_URL": "nats://ann:secret@127.0.0.1:1"}
    said = await rostrum("dlq", "list", env=nowhere, within=30)
    assert (said.code, said.out) == (1, "")
    assert "NATS at 127.0.0.1:1 does not answer" in said.errors
    assert "secret" not in said.errors
