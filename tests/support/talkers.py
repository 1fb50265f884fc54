"""Speakers in a process of their own, so that nothing else of a test holds them up in mid-sentence.

    async with Talkers(names) as talkers:
        await talkers.join("ada", negotiate)
        talkers.talk("ada", 2.5)
        await talkers.silence("ada")

Both sides write lines of JSON: orders one way, what happened the other way.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, Self

from tests.support.microphone import Microphone, voice
from tests.support.waiting import LIMIT
from tests.support.webrtc import Negotiate, publishing

_ROOT: Final = Path(__file__).parents[2]
_VOICES: Final = ("slt", "rms", "awb")


class Talkers:
    """The test's side. Methods that order something return at once; those that wait raise TimeoutError."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._told: dict[tuple[str, str], asyncio.Queue[Any]] = {}

    async def __aenter__(self) -> Self:
        program = (sys.executable, "-m", "tests.support.talkers", *self._names)
        self._process = await asyncio.create_subprocess_exec(*program, cwd=_ROOT, stdin=PIPE, stdout=PIPE)
        self._reading = asyncio.create_task(self._read())
        await self._hear("ready", "")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._reading is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(LIMIT):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading

    async def join(self, name: str, negotiate: Negotiate) -> None:
        """Connects; returns when audio can flow."""
        self._order("join", name)
        self._order("answer", name, await negotiate(await self._hear("offer", name)))
        await self._hear("connected", name)

    async def drop(self, name: str) -> None:
        """Hangs up, in mid-sentence where there is one."""
        self._order("drop", name)
        await self._hear("dropped", name)

    def talk(self, name: str, seconds: float) -> None:
        """Begins to talk."""
        self._order("talk", name, seconds)

    async def silence(self, name: str) -> None:
        """Waits until what the last `talk` asked for has been said."""
        await self._hear("silent", name)

    async def lateness(self) -> str:
        """By how much the speakers missed the time of their frames, in words."""
        self._order("lateness", "")
        return str(await self._hear("lateness", ""))

    def _order(self, what: str, name: str, value: Any = None) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([what, name, value]).encode() + b"\n")

    async def _hear(self, what: str, name: str) -> Any:
        async with asyncio.timeout(LIMIT):
            return await self._queue(what, name).get()

    def _queue(self, what: str, name: str) -> asyncio.Queue[Any]:
        return self._told.setdefault((what, name), asyncio.Queue())

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            what, name, value = json.loads(line)
            self._queue(what, name).put_nowait(value)


def _tell(what: str, name: str, value: Any = None) -> None:
    print(json.dumps([what, name, value]), flush=True)


class _Talker:
    """One speaker, in the process of the speakers."""

    def __init__(self, name: str, microphone: Microphone) -> None:
        self.name = name
        self.microphone = microphone
        self.answers: asyncio.Queue[str] = asyncio.Queue()
        self._connection = AsyncExitStack()

    async def join(self) -> None:
        await self._connection.enter_async_context(publishing(self._negotiate, self.microphone))
        _tell("connected", self.name)

    async def drop(self) -> None:
        await self._connection.aclose()
        _tell("dropped", self.name)

    async def talk(self, seconds: float) -> None:
        self.microphone.talk(seconds)
        await self.microphone.silence.wait()
        _tell("silent", self.name)

    async def _negotiate(self, offer: str) -> str:
        _tell("offer", self.name, offer)
        return await self.answers.get()


async def _obey(names: Sequence[str]) -> None:
    """Until the orders end."""
    talkers: dict[str, _Talker] = {}
    for number, name in enumerate(names):
        talkers[name] = _Talker(name, Microphone(voice(_VOICES[number % len(_VOICES)]), begin=number * 7.0))
    orders = asyncio.StreamReader(limit=1 << 20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    # A collection of all that was imported would be heard.
    gc.collect()
    gc.freeze()
    _tell("ready", "")
    async with asyncio.TaskGroup() as group:
        async for line in orders:
            what, name, value = json.loads(line)
            match what:
                case "join":
                    group.create_task(talkers[name].join())
                case "answer":
                    talkers[name].answers.put_nowait(value)
                case "talk":
                    group.create_task(talkers[name].talk(value))
                case "drop":
                    group.create_task(talkers[name].drop())
                case "lateness":
                    late = [ms for talker in talkers.values() for ms in talker.microphone.late_ms]
                    p50, p99 = statistics.median(late), statistics.quantiles(late, n=100)[98]
                    _tell("lateness", "", f"p50 {p50:.1f}, p99 {p99:.1f}, at most {max(late):.0f} ms")
        for talker in talkers.values():
            group.create_task(talker.drop())


if __name__ == "__main__":
    asyncio.run(_obey(sys.argv[1:]))
