"""The `rostrum` command, as somebody at a terminal runs it."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple

from tests.support.waiting import LIMIT

COMMAND = (sys.executable, "-m", "infra.cli")


class CommandOutput(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    errors: str


async def rostrum(*arguments: str, env: Mapping[str, str] | None = None, within: float = 2 * LIMIT) -> CommandOutput:
    """Run it to its end. `env` is added to the environment of the tests. Raises TimeoutError."""
    async with running_rostrum(*arguments, env=env, stdout=PIPE) as process, asyncio.timeout(within):
        out, errors = await process.communicate()
    assert process.returncode is not None
    return CommandOutput(process.returncode, out.decode(), errors.decode())


@asynccontextmanager
async def running_rostrum(
    *arguments: str, env: Mapping[str, str] | None = None, stdout: int = DEVNULL
) -> AsyncIterator[Process]:
    """It runs, what it writes to standard error in a pipe; killed at the end where it has not ended by then."""
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *arguments, env={**os.environ, **(env or {})}, stdout=stdout, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def line_with(process: Process, text: str) -> str:
    """The first line on its standard error that contains the text."""
    assert process.stderr is not None
    said = ""
    async with asyncio.timeout(LIMIT):
        while line := (await process.stderr.readline()).decode():
            if text in line:
                return line
            said += line
    raise AssertionError(f"the command ended without saying {text!r}: {said}")
