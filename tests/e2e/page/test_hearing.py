"""People talk through the page, and others hear them."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.page.conftest import TONE_HZ
from tests.e2e.page.visitor import PHONE, visitor
from tests.support.browser import grow_ears, hears, hears_silence

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


async def test_the_tone_that_goes_in_comes_out_in_a_second_browser(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as ada, visitor(browser, url, size=PHONE, home=False) as guest:
        await ada.sign_up("Ada Lovelace")
        path = await ada.create("One tone for everybody")
        await ada.listens()

        await guest.listen(path)
        await expect(guest.on_stage("Ada Lovelace")).to_have_attribute("data-muted", "true")
        await grow_ears(guest.page)
        await hears_silence(guest.page, 0.5)

        await ada.unmute()
        await hears(guest.page, TONE_HZ)
        await expect(guest.on_stage("Ada Lovelace")).to_have_attribute("data-speaking", "true")
        await expect(guest.part("listeners")).not_to_have_attribute("data-count", "0")

        await ada.part("mic").click()
        await expect(guest.on_stage("Ada Lovelace")).to_have_attribute("data-muted", "true")
        await hears_silence(guest.page, 1.0)
        await expect(guest.on_stage("Ada Lovelace")).to_have_attribute("data-speaking", "false")

        await ada.unmute()
        await hears(guest.page, TONE_HZ)


async def test_somebody_asks_is_let_in_speaks_is_muted_and_steps_down(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as host, visitor(browser, url, size=PHONE, home=False) as guest:
        await host.sign_up("Grace Hopper")
        path = await host.create("Ask and be heard")
        await host.listens()
        await guest.listen(path)

        await guest.part("request-to-speak").click()
        await guest.fill_in("Emmy Noether")
        await guest.part("request-message").fill("About symmetry")
        await guest.part("request-send").click()
        await expect(guest.part("unrequest")).to_be_visible()

        await expect(host.part("request")).to_contain_text("About symmetry")
        await host.part("accept").click()
        await expect(host.part("request")).to_have_count(0)
        await expect(host.on_stage("Emmy Noether")).to_have_attribute("data-muted", "true")
        await expect(guest.part("audio")).to_have_text("You are on stage, muted")

        await host.listens()
        await grow_ears(host.page)
        await guest.unmute()
        await hears(host.page, TONE_HZ)

        await host.on_stage("Emmy Noether").click()
        await host.part("mute-other").click()
        await expect(guest.part("mic")).to_have_attribute("data-open", "false")
        await guest.told("The host muted you.")
        await hears_silence(host.page, 0.7)

        await guest.on_stage("Emmy Noether").click()
        await guest.part("step-down").click()
        await expect(host.on_stage("Emmy Noether")).to_have_count(0)
        await expect(guest.part("request-to-speak")).to_be_visible()


async def test_who_is_removed_is_out_and_stays_out(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as host, visitor(browser, url) as guest:
        await host.sign_up("Hedy Lamarr")
        path = await host.create("A room with a door")
        await guest.sign_up("Lord Nuisance")
        await guest.listen(path)
        await guest.part("request-to-speak").click()
        await guest.part("request-send").click()
        await host.part("accept").click()
        await host.on_stage("Lord Nuisance").click()
        await host.part("remove").click()
        await host.part("confirm").click()
        await expect(guest.part("gone")).to_contain_text("removed from this Space")
        await guest.visit(path)
        await expect(guest.part("gone")).to_be_visible()


async def test_a_listener_applauds_and_tips_the_person_on_stage(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as host, visitor(browser, url) as guest:
        await host.sign_up("Clara Schumann")
        await host.part("me").click()
        await host.part("account").get_by_label("PayPal").fill("@ClaraS")
        await host.page.get_by_label("Open: people can tip me").check()
        await host.part("jar-understood").check()
        await host.part("jar-save").click()
        await host.told("Your tip jar is open.")
        path = await host.create("For a clap and a coin")
        await guest.sign_up("Generous Guest")
        await guest.listen(path)

        await guest.part("react").click()
        await guest.part("react-clap").click()
        await host.told("👏")
        await host.told("1 clap")

        await guest.part("tip").click()
        await guest.part("tip-paypal").click()
        await expect(guest.part("tip-link")).to_have_attribute("href", "https://paypal.me/ClaraS/5USD")
        await host.told("Generous Guest wants to give you $5.00 with PayPal")
        arrived = host.page.get_by_role("button", name="It arrived")
        await expect(arrived).to_have_count(0)  # nobody has followed the link yet
        await guest.part("tip-link").evaluate("(link) => { link.href = '/'; }")  # the real one leads to PayPal
        await guest.part("tip-link").click()
        await host.told("Generous Guest went to give you $5.00 with PayPal")
        await arrived.click()
        await guest.told("Your tip arrived")
