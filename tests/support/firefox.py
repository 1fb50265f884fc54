"""Real Firefox, driven by Marionette: its microphone plays a tone.

Marionette is the protocol that Firefox has built in: JSON over TCP, each message behind its length and a colon.
A command is `[0, id, name, parameters]`, its answer `[1, id, error, result]`.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from tests.support.program import Program
from tests.support.waiting import LIMIT, eventually

NAMES: Final = ("firefox-esr", "firefox")
HOW_TO_GET_IT: Final = "apt-get install firefox-esr, or ROSTRUM_FIREFOX=/path/to/firefox"
_PREFERENCES: Final[Mapping[str, Any]] = {
    "marionette.port": 0,  # any that is free; it is in a file of the profile
    # Gives the microphone without asking; and only who may use it is told more than the default route's address.
    "permissions.default.microphone": 1,
    "media.navigator.streams.fake": True,
    "media.peerconnection.ice.loopback": True,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    "media.autoplay.default": 0,  # allowed
    "devtools.jsonview.enabled": False,  # a page of the browser's own, with what it may do and not ours
}
_SCRIPT: Final = """
    const done = arguments[arguments.length - 1];
    (async () => (FUNCTION)(...[...arguments].slice(0, -1)))()
        .then((result) => done({ result: result ?? null }), (error) => done({ error: `${error}\\n${error.stack}` }));
"""


def find_firefox() -> str | None:
    """Path of the executable; ROSTRUM_FIREFOX wins. None where there is none."""
    named = os.environ.get("ROSTRUM_FIREFOX")
    if named:
        return named if os.access(named, os.X_OK) else None
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Firefox:
    """One tab."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._commands = 0

    async def goto(self, url: str) -> None:
        """Open a page."""
        await self.command("WebDriver:Navigate", url=url)

    async def evaluate(self, function: str, *arguments: Any) -> Any:
        """Call an asynchronous JavaScript function in the page; what it returned. Raises RuntimeError."""
        script = _SCRIPT.replace("FUNCTION", function)
        parameters = {"script": script, "args": arguments, "scriptTimeout": round(LIMIT * 1000), "sandbox": None}
        answer = (await self.command("WebDriver:ExecuteAsyncScript", **parameters))["value"]
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    async def command(self, name: str, **parameters: Any) -> Any:
        """Have one command done. Raises RuntimeError."""
        self._commands += 1
        message = json.dumps([0, self._commands, name, parameters]).encode()
        self._writer.write(b"%d:%s" % (len(message), message))
        _, number, error, result = await self.message()
        assert number == self._commands
        if error is not None:
            raise RuntimeError(f"{name}: {error['error']}: {error['message']}")
        return result

    async def message(self) -> Any:
        """The next message."""
        length = int((await self._reader.readuntil(b":"))[:-1])
        return json.loads(await self._reader.readexactly(length))


@asynccontextmanager
async def firefox(*, hz: int) -> AsyncIterator[Firefox]:
    """A headless Firefox of its own process and profile; its microphone plays this tone."""
    path = find_firefox()
    if path is None:
        raise RuntimeError(f"there is no Firefox: {HOW_TO_GET_IT}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        profile = Path(folder)
        preferences = {**_PREFERENCES, "media.navigator.audio.fake_frequency": hz}
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
        (profile / "user.js").write_text("".join(lines))
        # It keeps nothing in the home of who runs the tests, and as root refuses a home that is another's.
        homes = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"), folder)
        command = (path, "--headless", "--marionette", "--no-remote", "--profile", folder)
        with Program(command, profile / "log", env={**os.environ, **homes}) as program:
            tab = await _connect(profile / "MarionetteActivePort", program)
            yield tab
            await tab.command("Marionette:Quit", flags=["eForceQuit"])


async def _connect(port: Path, program: Program) -> Firefox:
    def told() -> int | None:
        program.must_run()
        return int(port.read_text() or 0) if port.exists() else None

    reader, writer = await asyncio.open_connection("127.0.0.1", await eventually(told, within=2 * LIMIT), limit=2**24)
    tab = Firefox(reader, writer)
    greeting = await tab.message()
    assert greeting["marionetteProtocol"] == 3
    await tab.command("WebDriver:NewSession", capabilities={})
    return tab
