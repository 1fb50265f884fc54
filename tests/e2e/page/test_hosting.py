"""Whoever hosts does with the page whatever the rules allow them, and operators moderate with it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, expect

from infra.launcher import System
from libs.identity import DevelopmentIdentity
from libs.ids import new_id
from tests.e2e.page.visitor import PHONE, Visitor, visitor
from tests.integration.gateway.client import Client
from tests.support.waiting import LIMIT, eventually

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


async def does(host: Visitor, name: str, act: str) -> None:
    """Something with somebody on stage."""
    await host.on_stage(name).click()
    await host.part(act).click()


async def invite(host: Visitor, name: str) -> None:
    """Somebody who listens."""
    await host.part("audience-open").click()
    await host.part("audience-row").filter(has_text=name).get_by_test_id("audience-person").click()
    await host.part("invite").click()


async def test_a_host_does_all_that_hosts_may(url: str, system: System, browser: Browser) -> None:
    async with visitor(browser, url) as host, visitor(browser, url, size=PHONE) as guest:
        await host.sign_up("Sophie Germain")
        path = await host.create("All the buttons")
        await host.listens()
        await guest.sign_up("Carl Gauss")
        await guest.listen(path)

        await guest.part("share").click()
        await guest.page.wait_for_function(
            "() => past.some((one) => one.includes('Link copied.')) || document.querySelector('dialog[open]')"
        )
        await guest.page.keyboard.press("Escape")

        await invite(host, "Carl Gauss")
        await expect(guest.part("invitation")).to_be_visible()
        await guest.told("You are invited to speak.")
        await guest.part("invitation-decline").click()
        await expect(guest.part("invitation")).to_be_hidden()
        await invite(host, "Carl Gauss")
        await guest.part("invitation-accept").click()
        await expect(host.on_stage("Carl Gauss")).to_have_attribute("data-role", "speaker")

        await guest.part("hand").click()
        await host.told("Carl Gauss raises a hand.")
        await does(host, "Carl Gauss", "lower-hand")
        await expect(guest.part("hand")).to_have_attribute("data-raised", "false")

        await does(host, "Carl Gauss", "appoint")
        await guest.told("You are a co-host now.")
        await guest.part("more").click()
        await guest.part("pin-link").click()
        await guest.part("pin-url").fill("https://example.org/primes")
        await guest.part("pin-text").fill("On primes")
        await guest.part("pin-send").click()
        await expect(host.part("pins")).to_contain_text("On primes")
        await host.part("unpin").click()
        await expect(guest.part("pins")).to_be_hidden()
        await does(host, "Carl Gauss", "dismiss")
        await expect(host.on_stage("Carl Gauss")).to_have_attribute("data-role", "speaker")

        await guest.unmute()
        await host.part("more").click()
        await host.part("mute-all").click()
        await expect(guest.part("mic")).to_have_attribute("data-open", "false")
        await host.part("more").click()
        await host.part("settings").click()
        await host.part("new-title").fill("Some of the buttons")
        await host.part("new-who-join").select_option("followers")
        await host.part("settings-save").click()
        await expect(guest.part("title")).to_have_text("Some of the buttons")

        await guest.on_stage("Sophie Germain").click()
        await guest.part("report-person").click()
        await guest.part("report-reason").select_option("spam")
        await guest.part("report-comment").fill("Mutes too much")
        await guest.part("report-send").click()
        await guest.told("Thank you.")

        await does(host, "Carl Gauss", "block")
        await host.part("confirm").click()
        await expect(host.on_stage("Carl Gauss")).to_have_count(0)
        await expect(guest.part("gone")).to_be_visible()

        async with visitor(browser, url, home=False) as operator:
            await operator.visit("/moderation")
            token = DevelopmentIdentity(system.var_dir / "keys").mint(new_id(), operator=True)
            await operator.part("operator-token").fill(token)
            await operator.part("operator-enter").click()
            await expect(operator.part("report-row")).to_contain_text("Mutes too much")
            await expect(operator.part("report-row").get_by_test_id("report-space")).to_have_attribute("href", path)
            await operator.part("show-evidence").click()
            title = operator.part("evidence").locator("[data-kind=title]")
            await expect(title).to_contain_text("Some of the buttons")
            await expect(operator.part("evidence").locator("[data-kind=profile]")).to_contain_text("Sophie Germain")
            await operator.part("suspend").click()
            await operator.part("suspend-days").select_option("7")
            await operator.part("suspend-why").fill("Let others speak.")
            await operator.part("suspend-send").click()
            await expect(operator.part("report-row")).to_have_count(0)
            suspended = operator.page.locator("[data-testid=log-row][data-act=suspended]")
            await expect(suspended).to_contain_text("Let others speak.")
            await expect(host.part("error").or_(host.part("gone")).first).to_be_visible()
            await suspended.get_by_test_id("undo").click()
            await expect(suspended).to_contain_text("Undone")


async def test_a_scheduled_space_is_moved_and_reminded_of_and_who_is_blocked_there_is_warned_of(
    url: str, browser: Browser
) -> None:
    async with visitor(browser, url) as host, visitor(browser, url, size=PHONE) as guest:
        await host.sign_up("Ada Byron")
        await host.part("new-space").click()
        await host.part("title").fill("Tomorrow")
        await host.page.get_by_text("Schedule it for later").click()
        await host.page.get_by_label("Starts at").fill(f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}")
        await host.part("create").click()
        path = await host.arrive("Tomorrow", "Scheduled")
        await guest.sign_up("Charles B")
        await guest.visit(path)
        await guest.part("remind").click()
        await guest.told("You will be reminded")
        await host.part("more").click()
        await host.part("reschedule").click()
        await host.part("new-start").fill(f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}")
        await host.part("reschedule-send").click()
        await host.told("Moved.")
        await host.part("start").click()
        await expect(guest.part("listen")).to_be_visible()

        handle = new_id()[-15:]
        async with Client(url) as nobody:
            made = (await nobody.http.post("/v1/people", json={"handle": handle, "name": "Old Rival"})).json()
        token = await guest.page.evaluate("JSON.parse(localStorage['rostrum.identity']).token")
        async with Client(url, made["token"]) as rival, Client(url, token) as as_guest, asyncio.timeout(LIMIT):
            await rival.http.post(f"/v1{path}/sessions")
            await rival.http.post(f"/v1{path}/requests")
            await host.part("accept").click()
            await as_guest.http.put(f"/v1/me/blocked/{made['person']['id']}")

            async def told_of_the_rival() -> list[Any]:
                admission = (await as_guest.http.get(f"/v1{path}/admission")).json()
                return list(admission["blocked_on_stage"])

            await eventually(told_of_the_rival)
        await guest.part("listen").click()
        await expect(guest.part("confirmation")).to_contain_text("You will hear Old Rival.")
        await guest.part("confirm").click()
        await guest.listens()
