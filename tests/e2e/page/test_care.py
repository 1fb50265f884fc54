"""The page is for everybody: small screens, keyboards, screen readers, bad networks, wrong input."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.e2e.page.visitor import PHONE, Visitor, visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]
_AUDIT = (Path(__file__).parent / "audit.js").read_text()


async def _faults(page: Page) -> list[str]:
    return [str(fault) for fault in await page.evaluate(_AUDIT)]


async def _fits(page: Page) -> None:
    wide, seen = await page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= seen, f"{wide} px of content on {seen} px of screen"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_view_scrolls_sideways_and_each_can_be_read(url: str, browser: Browser, scheme: str) -> None:
    size = {"width": 360, "height": 740}
    async with visitor(browser, url, size=size, motion=scheme == "light", color_scheme=scheme) as host:

        async def look() -> None:
            await _fits(host.page)
            assert await _faults(host.page) == []

        await look()
        await host.part("sign-up").click()
        await look()
        await host.fill_in("Wolfeschlegelsteinhausenbergerdorff the Elder")
        await host.part("new-space").click()
        await look()
        await host.page.keyboard.press("Escape")
        await host.create("Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenauszahlung", captions=True)
        await host.listens()
        await look()
        await host.part("react").click()
        await look()
        await host.part("member").first.click()
        await look()
        await host.page.keyboard.press("Escape")
        await host.part("end").click()
        await look()
        await host.part("confirm").click()
        await expect(host.part("replay-state")).to_have_text("This Space was not recorded.")
        await look()
        await host.part("home").click()
        await expect(host.part("list-ended").get_by_test_id("space-link").first).to_be_visible()
        await look()


async def test_a_keyboard_is_enough_to_listen(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as host, visitor(browser, url, home=False) as guest:
        await host.sign_up("Louis Braille")
        path = await host.create("Without a mouse")
        await guest.visit(path)
        await expect(guest.part("listen")).to_be_visible()
        focused = "document.activeElement?.dataset.testid"
        for _ in range(20):
            await guest.page.keyboard.press("Tab")
            if await guest.page.evaluate(focused) == "listen":
                break
        await expect(guest.part("listen")).to_be_focused()
        await guest.page.keyboard.press("Enter")
        await guest.listens()
        await guest.part("request-to-speak").focus()
        await guest.page.keyboard.press("Enter")
        await expect(guest.part("handle")).to_be_focused()
        await guest.page.keyboard.press("Escape")
        await expect(guest.part("sign-up-sheet")).to_have_count(0)
        await expect(guest.part("request-to-speak")).to_be_focused()


async def test_a_guest_finds_a_live_space_and_a_follower_is_told_of_it(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as host, visitor(browser, url, size=PHONE, home=False) as guest:
        await host.sign_up("Marie Curie")
        path = await host.create("First of two")
        await guest.listen(path)
        await guest.on_stage("Marie Curie").click()
        await guest.part("follow").click()
        await guest.fill_in("Irene Joliot")
        await guest.told("You follow Marie Curie")
        await guest.part("home").click()
        await expect(guest.part("pill").filter(has_text="First of two")).to_be_visible()
        await expect(guest.part("list-live")).to_contain_text("First of two")
        await host.part("end").click()
        await host.part("confirm").click()
        await expect(guest.part("pill")).to_have_count(0)


async def test_what_is_wrong_is_said_and_nothing_hangs(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as one, visitor(browser, url) as other:
        await _sign_up_as(one, "taken_handle")
        await expect(one.part("me")).to_be_visible()
        await _sign_up_as(other, "Taken_Handle")
        await expect(other.part("error")).to_be_visible()
        await expect(other.part("sign-up-send")).to_be_enabled()
        await other.page.keyboard.press("Escape")
        await other.visit("/spaces/0000000000000000000000000z")
        await expect(other.part("gone")).to_contain_text("There is no such Space")


async def test_a_lost_network_is_told_and_comes_back(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as host:
        await host.sign_up("Guglielmo Marconi")
        await host.create("Across the sea")
        await host.listens()
        await host.page.context.set_offline(True)
        await expect(host.part("banner")).to_contain_text("Connection lost")
        await host.page.context.set_offline(False)
        await expect(host.part("banner")).to_be_hidden()
        await host.unmute()


async def _sign_up_as(someone: Visitor, handle: str) -> None:
    await someone.part("sign-up").click()
    await someone.part("handle").fill(handle)
    await someone.part("name").fill("Some Body")
    await someone.part("sign-up-send").click()
