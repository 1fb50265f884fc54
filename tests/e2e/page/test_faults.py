"""What happens to people in a Space when a part of the system dies under them, or is told to stop."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import psutil
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Response, expect

from infra.launcher import System
from tests.e2e.page.conftest import TONE_HZ
from tests.e2e.page.visitor import Visitor, visitor
from tests.support.browser import grow_ears, hears, longest_silence, sounds, time_silences
from tests.support.processes import gone
from tests.support.waiting import LIMIT, standstill

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
AGAIN_SECONDS = 3.0
GAP_SECONDS = 1.0


@dataclass
class Talk:
    """A host who talks, and a guest who listens for silences; both through the page."""

    system: System
    host: Visitor
    guest: Visitor
    nodes: list[str] = field(default_factory=list)
    """Where the guest's ears connected, one after the other."""
    joined_within: float = 0.0
    """Seconds that it took the guest to open the page and connect: how fast this machine is just now."""
    stood_still: float = 0.0
    """By so much the machine held everybody up while `killed` waited."""
    _connected: asyncio.Event = field(default_factory=asyncio.Event)

    def saw(self, response: Response) -> None:
        """The guest's page got this."""
        if "/whep" in response.url and response.status == 201:
            self.nodes.append(response.headers["location"].rpartition("/")[2].split(".")[1])
            self._connected.set()

    def process(self) -> str:
        """The process at which everybody is."""
        number = self.nodes[-1].removeprefix("media-").partition("-")[0]
        return f"media-{number}" if f"media-{number}" in self.system.services else "media"

    async def killed(self, process: str) -> float:
        """Kill it, wait until the guest hears again over a new connection; for how long nothing was heard (s)."""
        before = len(self.nodes)
        await longest_silence(self.guest.page)
        async with standstill() as stood:
            self.system.kill(process)
            async with asyncio.timeout(LIMIT):
                while len(self.nodes) == before:
                    self._connected.clear()
                    await self._connected.wait()
            await sounds(self.guest.page)
            self.stood_still = stood()
        return await longest_silence(self.guest.page)

    async def goes_on(self) -> None:
        """The host's microphone is still open, the guest hears it and sees who speaks."""
        await expect(self.host.part("mic")).to_have_attribute("data-open", "true")
        await expect(self.host.part("mic")).to_have_attribute("data-state", "on")
        await self.guest.listens()
        await grow_ears(self.guest.page)
        await hears(self.guest.page, TONE_HZ)
        await expect(self.guest.on_stage("Ernest Shackleton")).to_have_attribute("data-speaking", "true")


@asynccontextmanager
async def talking(system: System, browser: Browser) -> AsyncIterator[Talk]:
    async with visitor(browser, system.url) as host, visitor(browser, system.url) as guest:
        talk = Talk(system, host, guest)
        guest.page.on("response", talk.saw)
        await host.sign_up("Ernest Shackleton")
        path = await host.create("Through the ice")
        await host.listens()
        began = time.monotonic()
        await guest.listen(path)
        talk.joined_within = time.monotonic() - began
        await host.unmute()
        await grow_ears(guest.page)
        await hears(guest.page, TONE_HZ)
        await time_silences(guest.page)
        yield talk


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def two_nodes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """A system with two media nodes."""
    services = ("room", "people", "discovery", "media", "gateway")
    async with System(tmp_path_factory.mktemp("nodes"), gateway_port=0, services=services, media_nodes=2) as system:
        yield system


async def test_media_and_gateway_die_and_the_page_finds_its_way_back(system: System, browser: Browser) -> None:
    async with talking(system, browser) as talk:
        again = await talk.killed("media")
        print(f"one node, killed and started again: heard after {again:.2f} s")
        assert again < max(AGAIN_SECONDS, 2 * talk.joined_within) + talk.stood_still
        await talk.goes_on()

        system.kill("gateway")
        await system.ready("gateway")
        await talk.host.part("mic").click()
        await expect(talk.guest.on_stage("Ernest Shackleton")).to_have_attribute("data-muted", "true")
        await expect(talk.guest.part("banner")).to_be_hidden()


async def test_a_media_node_dies_and_the_page_is_heard_at_another(two_nodes: System, browser: Browser) -> None:
    async with talking(two_nodes, browser) as talk:
        dead, process = talk.nodes[-1], talk.process()
        again = await talk.killed(process)
        print(f"two nodes, one killed: heard after {again:.2f} s")
        assert again < max(AGAIN_SECONDS, 2 * talk.joined_within) + talk.stood_still
        assert talk.nodes[-1] != dead
        await talk.goes_on()
        await two_nodes.ready(process)


async def test_a_media_node_is_told_to_stop_and_nobody_hears_a_gap(two_nodes: System, browser: Browser) -> None:
    async with talking(two_nodes, browser) as talk:
        left, process = talk.nodes[-1], talk.process()
        old = psutil.Process(two_nodes.pid(process))
        await longest_silence(talk.guest.page)
        async with standstill() as stood:
            two_nodes.kill(process, signal.SIGTERM)
            await gone([old])
            await talk.goes_on()
            silence = await longest_silence(talk.guest.page)
            stood_still = stood()
        print(f"two nodes, one drained: longest silence {silence:.2f} s, stood still {stood_still:.2f} s")
        assert silence < GAP_SECONDS + stood_still
        assert talk.nodes[-1] != left
        await two_nodes.ready(process)
