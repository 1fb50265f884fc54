"""Server and load generator as processes, and what one stretch of talking costs and does."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.media.speech import opus_speech, write_payloads

ROOT: Final = Path(__file__).parents[3]
FORWARDER: Final = ROOT / "libs" / "forwarder"
SEED: Final = 20
"""Of the talkers' phases; 0 lets them talk in step."""
SOCKETS: Final = 8
_WITHIN: Final = 60.0
_NO_END: Final = 2**64 - 1


@functools.cache
def preferred() -> tuple[str, ...]:
    """What lets a command run before other processes, whose load is not its own; nothing where that is not allowed."""
    command = ("chrt", "--rr", "1")
    try:
        allowed = subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return ()
    return command if allowed else ()


async def build(*, optimised: bool = True) -> Path:
    """The load generator; half a minute where it has never been built. Tests take it as `cargo test` builds it."""
    command = ["cargo", "build", "--locked", "--quiet", "-p", "rostrum-forwarder-loadgen"]
    process = await asyncio.create_subprocess_exec(*command, *["--release"] * optimised, cwd=FORWARDER)
    if await process.wait() != 0:
        raise RuntimeError("the load generator does not build")
    target = Path(os.environ.get("CARGO_TARGET_DIR", FORWARDER / "target"))
    return target / ("release" if optimised else "debug") / "loadgen"


class Talkative:
    """A process that answers lines with lines of JSON; killed at the end of the context if it still runs."""

    def __init__(self, *command: str | Path, env: dict[str, str] | None = None) -> None:
        self._command = [str(part) for part in command]
        self._env = {**os.environ, **(env or {})}

    async def __aenter__(self) -> Talkative:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=ROOT, env=self._env
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(3):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def ask(self, line: str) -> Any:
        """Sends a line, returns the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        return await self.answer()

    async def answer(self) -> Any:
        """The next line. Raises RuntimeError where the process has ended instead."""
        assert self._process.stdout is not None
        async with asyncio.timeout(_WITHIN):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{Path(self._command[0]).name} ended")
        return json.loads(line)


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch of talking: what the server sent, spent and took, and what the listeners found."""

    server: dict[str, int]
    heard: dict[str, int]

    @property
    def us_per_packet(self) -> float:
        """Server CPU per forwarded packet, in microseconds."""
        return self.server["cpu_ns"] / 1000 / max(1, self.server["forwarded"])

    def delay_ms(self, fraction: float) -> float:
        """The delay inside the server that this fraction of the packets did not exceed, interpolated in its bucket."""
        buckets = {int(name.removeprefix("delay ")): n for name, n in self.server.items() if name.startswith("delay ")}
        wanted = fraction * sum(buckets.values())
        begin = 0
        for end, packets in sorted(buckets.items()):
            if packets >= wanted:
                if end == _NO_END:
                    return begin / 1000
                return (begin + (end - begin) * wanted / packets) / 1000
            wanted -= packets
            begin = end
        raise ValueError("nothing was forwarded")


@dataclass(slots=True)
class Rig:
    """A server and its crowd."""

    server: Talkative
    clients: Talkative
    loadgen: Path
    payloads: Path
    listeners: int
    ports: list[int]
    pid: int

    async def talk(self, milliseconds: int, talkers: int = 1, seed: int = SEED, *, silent: int = 0) -> Stretch:
        """Talkers talk; `silent` further ones have open microphones and say nothing."""
        heard, server = await self._quiet(), await self.server.ask("")
        await self.clients.ask(f"talk {milliseconds} {talkers + silent} {seed} {silent}")
        heard_after, server_after = await self.clients.ask("stats"), await self.server.ask("")
        # On a busy machine the last packets take a while. Every question costs the server, so none is asked in vain.
        for _ in range(20):
            found = Stretch(_difference(server_after, server), _difference(heard_after, heard))
            if found.heard["packets"] >= found.server["forwarded"] >= self.listeners:
                break
            await asyncio.sleep(0.1)
            heard_after, server_after = await self.clients.ask("stats"), await self.server.ask("")
        return Stretch(_difference(server_after, server), _difference(heard_after, heard))

    async def _quiet(self) -> dict[str, int]:
        """What was heard, once nothing of the last stretch arrives any more."""
        heard: dict[str, int] = await self.clients.ask("stats")
        for _ in range(20):
            await asyncio.sleep(0.05)
            before, heard = heard, await self.clients.ask("stats")
            if heard["packets"] == before["packets"]:
                break
        return heard

    async def floor(
        self, milliseconds: int, talkers: int = 1, seed: int = SEED, *, segments: bool = False, whole: bool = False
    ) -> dict[str, int]:
        """The bare loop to the same sockets: sent, cpu_ns, slowest_us; with `whole`, from one that never fragments."""
        ports = ",".join(map(str, self.ports))
        arguments = [ports, self.listeners, self.payloads, milliseconds, talkers, seed, int(segments), int(whole)]
        async with Talkative(*preferred(), self.loadgen, "floor", *map(str, arguments)) as floor:
            result: dict[str, int] = await floor.answer()
        return result


def _difference(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {name: value - before[name] for name, value in after.items()}


@asynccontextmanager
async def rig(
    loadgen: Path, listeners: int, talkers: int = 1, *, server_path: str | None = None, **settings: Any
) -> AsyncIterator[Rig]:
    """A forwarder with `settings` and a crowd that is connected to it."""
    config = json.dumps({"listeners": listeners, "talkers": talkers, **settings})
    env = {"PYTHONPATH": server_path} if server_path else {}
    with tempfile.TemporaryDirectory(prefix="rostrum-bench-") as folder:
        payloads = Path(folder) / "speech"
        write_payloads(payloads, opus_speech())
        async with Talkative(*preferred(), sys.executable, "-m", "tests.bench.media.server", config, env=env) as server:
            started = await server.answer()
            address = f"127.0.0.1:{started['port']}"
            command = (loadgen, "clients", address, str(listeners), str(talkers), str(SOCKETS), payloads)
            async with Talkative(*command) as clients:
                ports = await clients.ask("ports")
                await clients.ask("check")
                # The first packets carry the MID, and the keys of the last ones may be on their way.
                await clients.ask(f"talk 1500 {talkers} {SEED} 0")
                yield Rig(server, clients, loadgen, payloads, listeners, ports, started["pid"])
