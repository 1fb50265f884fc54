"""A link from the product that Rostrum is a part of signs its user in on the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from libs.bus import Bus
from tests.integration.gateway.test_identity import KEY, gateway_for, people
from tests.support.browser import chromium
from tests.support.issuer import SigningKey, good_claims
from tests.support.nats import NatsServer
from tests.support.waiting import LIMIT

__all__ = ["people"]
expect.set_options(timeout=LIMIT * 1000)


def token_of(name: str, key: SigningKey = KEY) -> str:
    return key.token(good_claims(sub=name, name=name.title(), preferred_username=name))


@pytest.mark.browser
async def test_a_link_with_a_token_signs_in_and_asks_before_it_makes_somebody_else_of_one(
    nats: NatsServer, people: Bus, tmp_path: Path
) -> None:
    async with gateway_for(nats, tmp_path) as base, chromium() as browser:
        page = await (await browser.new_context()).new_page()
        me = page.get_by_test_id("me")

        async def follow(token: str) -> None:
            await page.goto("about:blank")  # from another page, as such links are
            await page.goto(f"{base}/#token={token}")

        await follow(token_of("eve", SigningKey("P-256", "first")))
        await expect(page.get_by_test_id("error")).to_be_visible()
        await expect(page.get_by_test_id("sign-up")).to_be_visible()

        await follow(token_of("ada"))
        await expect(me).to_contain_text("Ada")
        assert page.url == f"{base}/", "the token is not left in the address, nor in the history"
        await follow(token_of("ada"))
        await expect(me).to_contain_text("Ada")

        await follow(token_of("bob"))
        asked = page.get_by_test_id("confirmation")
        await expect(asked).to_contain_text("Continue as Bob?")
        await asked.get_by_text("Cancel").click()
        await expect(me).to_contain_text("Ada")
        await page.reload()
        await expect(me).to_contain_text("Ada")

        await follow(token_of("bob"))
        await asked.get_by_test_id("confirm").click()
        await expect(me).to_contain_text("Bob")
