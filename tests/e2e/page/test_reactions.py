"""Reactions: those that the server takes, as they were sent."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.page.conftest import REACTIONS
from tests.e2e.page.visitor import PHONE, visitor

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]


async def test_a_reaction_is_seen_in_the_skin_tone_it_was_sent_in(url: str, browser: Browser) -> None:
    async with visitor(browser, url, motion=True) as host, visitor(browser, url, size=PHONE, motion=True) as guest:
        await host.sign_up("Josephine Baker")
        path = await host.create("A revue")
        await guest.sign_up("Paul Colin")
        await guest.listen(path)
        await guest.part("react").click()
        for _ in range(2):
            await guest.part("tone").click()
        await expect(guest.part("react-clap")).to_have_text("👏🏼")
        await guest.part("react-clap").click()
        for someone in (guest, host):
            await someone.told("👏🏼")
        await host.told("Reactions: 1 clap")
        await guest.told("Reactions: 1 clap")
        assert (await guest.past()).count("👏🏼") == 1, "one's own is shown once"


async def test_the_reactions_on_offer_are_those_that_the_server_takes(url: str, browser: Browser) -> None:
    async with visitor(browser, url) as host:
        await host.sign_up("Marcel Marceau")
        await host.create("Without words")
        await host.part("react").click()
        await expect(host.part("react-confetti")).to_have_text("✨")
        offered = await host.page.locator("[data-testid^=react-]").evaluate_all(
            "all => all.map(one => one.dataset.testid)"
        )
        assert {name.removeprefix("react-") for name in offered} == set(REACTIONS)
        await host.part("react-confetti").click()
        await host.told("Reactions: 1 confetti")
        await expect(host.part("error")).to_have_count(0)
