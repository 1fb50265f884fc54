"""What happens to people in a Space when a part of the system dies under them."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from infra.launcher import System
from tests.e2e.page.conftest import TONE_HZ
from tests.e2e.page.visitor import visitor
from tests.support.browser import grow_ears, hears

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


async def test_media_and_gateway_die_and_the_page_finds_its_way_back(system: System, browser: Browser) -> None:
    async with visitor(browser, system.url) as host, visitor(browser, system.url) as guest:
        await host.sign_up("Ernest Shackleton")
        path = await host.create("Through the ice")
        await host.listens()
        await guest.listen(path)
        await host.unmute()
        await grow_ears(guest.page)
        await hears(guest.page, TONE_HZ)

        # A connection that comes back has a new media stream, which is how the page tells of it.
        before = await guest.page.evaluate_handle("document.querySelector('[data-testid=slot]').srcObject")
        system.kill("media")
        await guest.page.wait_for_function(
            "(before) => document.querySelector('[data-testid=slot]').srcObject !== before", arg=before, timeout=20_000
        )
        await guest.listens()
        await grow_ears(guest.page)
        await hears(guest.page, TONE_HZ, timeout=20)

        system.kill("gateway")
        await system.ready("gateway")
        await host.part("mic").click()
        await expect(guest.on_stage("Ernest Shackleton")).to_have_attribute("data-muted", "true")
        await expect(guest.part("banner")).to_be_hidden()
