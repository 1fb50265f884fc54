"""The page signs in at a provider, stays signed in, and signs out."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from libs.bus import Bus
from libs.service import running
from services.tipping.main import compose as compose_tipping
from services.tipping.settings import Settings as TippingSettings
from tests.integration.gateway.test_identity import people
from tests.integration.gateway.test_oidc import gateway_at, status
from tests.support.browser import chromium
from tests.support.nats import NatsServer, free_port
from tests.support.providers import python_provider
from tests.support.waiting import eventually

__all__ = ["people"]
_TOKEN = "JSON.parse(localStorage.getItem('rostrum.identity'))?.token"


@pytest.mark.browser
async def test_the_page_signs_in_at_a_provider_stays_so_and_signs_out(
    nats: NatsServer, people: Bus, tmp_path: Path
) -> None:
    with python_provider() as issuer:
        async with (
            running(TippingSettings.read(nats.env), compose_tipping),  # one's account shows one's tip jar
            gateway_at(nats, tmp_path, free_port(), issuer) as base,
            chromium() as browser,
        ):
            page = await (await browser.new_context()).new_page()
            await page.goto(base)
            await expect(page.get_by_test_id("sign-up")).to_have_text("Sign in")
            await page.get_by_test_id("sign-up").click()
            await page.get_by_text("ada", exact=True).first.click()
            await expect(page.get_by_test_id("me")).to_contain_text("Name of ada")
            assert page.url == f"{base}/", "nothing is left in the address"
            token = await page.evaluate(_TOKEN)
            await page.reload()
            await expect(page.get_by_test_id("me")).to_contain_text("Name of ada")
            assert await status(base, token) == 200

            await page.get_by_test_id("me").click()
            await page.get_by_test_id("sign-out").click()
            await page.wait_for_url(f"{issuer}/**")

            async def out() -> bool:
                return await status(base, token) == 401

            await eventually(out)
            await page.goto(f"{base}/#sign-in-cancelled")
            await expect(page.get_by_text("You did not sign in.")).to_be_visible()
            assert await page.evaluate("localStorage.getItem('rostrum.identity')") in (None, "null")
