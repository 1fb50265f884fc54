"""docs/product.md, word by word: a made-up product's users talk in a Space, and its server is told."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import expect

from tests.e2e.page.visitor import visitor
from tests.support.browser import chromium, sounds, time_silences, write_tone
from tests.support.nats import free_port
from tests.support.waiting import LIMIT, eventually

ROOT: Final = Path(__file__).parents[2]
LEFT_OUT: Final = ("make setup", "source ")
"""What the environment of the tests has already."""
READY: Final = """until python -c 'import urllib.request; urllib.request.urlopen("http://127.0.0.1:8080/readyz")' \\
>/dev/null 2>&1; do sleep 0.2; done"""
"""What a reader does who waits until it is ready; its keys can be listed sooner."""


def script() -> str:
    """The guide's commands in their order, as somebody types them."""
    lines, fence = ["set -e"], None
    for line in (ROOT / "docs" / "product.md").read_text().splitlines():
        if line.startswith("```"):
            fence = line[3:] if fence is None else None
        elif fence == "" and not line.startswith(LEFT_OUT):
            lines += [line, READY] if line == "rostrum up &" else [line]
    # The reader is in Rostrum's folder and copies the example to where they work.
    return "\n".join([*lines, "echo done", "wait"]).replace("docs/examples", str(ROOT / "docs" / "examples"))


class Typed:
    """What was typed runs on, and this is what it says."""

    def __init__(self) -> None:
        self.said = ""

    async def says(self, pattern: str) -> list[str]:
        """Everything of the kind, once there is any."""

        async def found() -> bool:
            return re.search(pattern, self.said, re.MULTILINE) is not None

        await eventually(found)
        return re.findall(pattern, self.said, re.MULTILINE)


@asynccontextmanager
async def typed(folder: Path, gateway: int, receiver: int) -> AsyncIterator[Typed]:
    """Somebody types the guide's commands in a folder; with ports of the test's own."""
    text = script().replace(":8080", f":{gateway}").replace("9000", str(receiver))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "ROSTRUM_GATEWAY_PORT": str(gateway)}
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", text, cwd=folder, env=env, stdout=PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True
    )
    on_screen = Typed()

    async def read() -> None:
        assert shell.stdout is not None
        while line := await shell.stdout.readline():
            on_screen.said += line.decode()

    reading = asyncio.create_task(read())
    try:
        yield on_screen
    finally:
        os.killpg(shell.pid, signal.SIGTERM)  # as closing the terminal does
        await asyncio.wait_for(reading, LIMIT)
        await shell.wait()


@pytest.mark.browser
async def test_a_newcomer_follows_the_guide_until_users_of_their_product_talk(tmp_path: Path) -> None:
    gateway, receiver = free_port(), free_port()
    tone = write_tone(tmp_path / "tone.wav", 440)
    async with typed(tmp_path, gateway, receiver) as screen, chromium(microphone=tone) as browser:
        await screen.says("^done$")
        assert "3 people" in screen.said
        ada, bo = await screen.says(r"^(http://127\.0\.0\.1:\d+/#token=\S+)$")
        await screen.says("^test ")
        url = f"http://127.0.0.1:{gateway}"
        async with visitor(browser, url, home=False) as host, visitor(browser, url, home=False) as listener:
            await host.page.goto(ada)
            await expect(host.part("me")).to_contain_text("Ada Lovelace")
            path = await host.create("Tea at five")
            await host.unmute()
            await screen.says(r"^room\.started .*Tea at five")
            await listener.page.goto(bo)
            await expect(listener.part("me")).to_contain_text("Bo Didley")
            await expect(listener.page.get_by_text("Tea at five").first).to_be_visible()
            await listener.listen(path)
            await time_silences(listener.page)
            await sounds(listener.page)
